package main

import (
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
)

// shells are those with a completion script.
var shells = []string{"bash", "zsh", "fish"}

// flagWords are what flags with few values accept.
var flagWords = map[string][]string{
	"semantics":          {"native", "envoy"},
	"path-normalization": {"NONE", "BASE", "MERGE_SLASHES", "DECODE_AND_MERGE_SLASHES"},
}

// wordsOf returns the values of a flag of a command, or nil.
func wordsOf(command, flag string) []string {
	if command == "check" && flag == "format" {
		return findingFormats
	}
	if command == "test" && flag == "format" {
		return resultFormats
	}
	return flagWords[flag]
}

// fileFlags are the flags whose value is a file or a directory.
var fileFlags = []string{"f", "o", "config-dump", "kubeconfig", "access-log", "coverage-file"}

// A completed command is what the shells are told about a command.
type completed struct {
	*command
	flags []*flag.Flag
}

// completions returns all commands with their flags.
func completions() []completed {
	var out []completed
	for _, c := range commands() {
		out = append(out, completed{c, flagsOf(c)})
	}
	return out
}

// A flagCollector is an output that asks a command for its flags: see parse. It writes
// nothing.
type flagCollector struct{ flags []*flag.Flag }

func (*flagCollector) Write(p []byte) (int, error) { return len(p), nil }

// flagsOf returns the flags of a command, in the order of their names.
func flagsOf(c *command) []*flag.Flag {
	var out flagCollector
	c.run(c, nil, streams{strings.NewReader(""), &out, io.Discard})
	return out.flags
}

// written is a flag as it is written.
func written(f *flag.Flag) string {
	if len(f.Name) == 1 {
		return "-" + f.Name
	}
	return "--" + f.Name
}

// isSwitch reports whether a flag has no value.
func isSwitch(f *flag.Flag) bool {
	b, ok := f.Value.(interface{ IsBoolFlag() bool })
	return ok && b.IsBoolFlag()
}

// aboutFlag is the first sentence about a flag, on one line.
func aboutFlag(f *flag.Flag) string {
	_, about := flag.UnquoteUsage(f)
	line, _, _ := strings.Cut(about, "\n")
	return strings.TrimSuffix(line, ".")
}

func runCompletion(c *command, args []string, s streams) int {
	if len(args) != 1 || !slices.Contains(shells, args[0]) {
		return c.misused(s, fmt.Errorf("one of %s is expected", strings.Join(shells, ", ")))
	}
	switch args[0] {
	case "bash":
		completeBash(s.out)
	case "zsh":
		completeZsh(s.out)
	case "fish":
		completeFish(s.out)
	}
	return exitOK
}

func completeBash(w io.Writer) {
	fmt.Fprint(w, `# Completion of lateen for bash: source <(lateen completion bash)
_lateen() {
	local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} flags=
	COMPREPLY=()
	if [ "$COMP_CWORD" = 1 ]; then
		COMPREPLY=($(compgen -W "`+strings.Join(names(), " ")+`" -- "$current"))
		return
	fi
	case ${COMP_WORDS[1]} in
	help) COMPREPLY=($(compgen -W "`+strings.Join(helpNames(), " ")+`" -- "$current")); return ;;
	completion) COMPREPLY=($(compgen -W "`+strings.Join(shells, " ")+`" -- "$current")); return ;;
`)
	for _, c := range completions() {
		if len(c.flags) == 0 {
			continue
		}
		fmt.Fprintf(w, "\t%s)\n\t\tcase $previous in\n", c.name)
		var all, valued []string
		for _, f := range c.flags {
			all = append(all, written(f))
			if list := wordsOf(c.name, f.Name); list != nil {
				fmt.Fprintf(w, "\t\t%s) COMPREPLY=($(compgen -W %q -- \"$current\")); return ;;\n", written(f), strings.Join(list, " "))
			} else if !isSwitch(f) && !slices.Contains(fileFlags, f.Name) {
				valued = append(valued, written(f))
			}
		}
		if len(valued) > 0 {
			fmt.Fprintf(w, "\t\t%s) return ;;\n", strings.Join(valued, "|"))
		}
		fmt.Fprintf(w, "\t\tesac\n\t\tflags=%q ;;\n", strings.Join(all, " "))
	}
	fmt.Fprint(w, `	esac
	case $current in
	-*) COMPREPLY=($(compgen -W "$flags" -- "$current")) ;;
	*) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$current")) ;;
	esac
}
complete -F _lateen lateen
`)
}

func completeZsh(w io.Writer) {
	quote := strings.NewReplacer(`'`, `'\''`, `[`, `\[`, `]`, `\]`, `:`, `\:`)
	fmt.Fprint(w, "#compdef lateen\n# Completion of lateen for zsh: lateen completion zsh > \"${fpath[1]}/_lateen\"\n_lateen() {\n\tlocal -a commands=(\n")
	for _, c := range commands() {
		fmt.Fprintf(w, "\t\t'%s:%s'\n", c.name, quote.Replace(c.about))
	}
	fmt.Fprintf(w, "\t)\n\tif (( CURRENT == 2 )); then\n\t\t_describe command commands\n\t\treturn\n\tfi\n\tcase $words[2] in\n"+
		"\thelp) _values topic %s ;;\n\tcompletion) _values shell %s ;;\n", strings.Join(helpNames(), " "), strings.Join(shells, " "))
	for _, c := range completions() {
		if len(c.flags) == 0 {
			continue
		}
		fmt.Fprintf(w, "\t%s)\n\t\tshift words; (( CURRENT-- ))\n\t\t_arguments", c.name)
		for _, f := range c.flags {
			action := ""
			switch list := wordsOf(c.name, f.Name); {
			case list != nil:
				action = ":value:(" + strings.Join(list, " ") + ")"
			case slices.Contains(fileFlags, f.Name):
				action = ":file:_files"
			case !isSwitch(f):
				action = ":value: "
			}
			fmt.Fprintf(w, " \\\n\t\t\t'*%s[%s]%s'", written(f), quote.Replace(aboutFlag(f)), action)
		}
		fmt.Fprint(w, " \\\n\t\t\t'*:file:_files'\n\t\t;;\n")
	}
	fmt.Fprint(w, "\tesac\n}\nif [ \"$funcstack[1]\" = _lateen ]; then _lateen \"$@\"; else compdef _lateen lateen; fi\n")
}

func completeFish(w io.Writer) {
	quote := strings.NewReplacer(`\`, `\\`, `'`, `\'`)
	fmt.Fprint(w, "# Completion of lateen for fish: lateen completion fish > ~/.config/fish/completions/lateen.fish\n")
	for _, c := range commands() {
		fmt.Fprintf(w, "complete -c lateen -n __fish_use_subcommand -f -a %s -d '%s'\n", c.name, quote.Replace(c.about))
	}
	fmt.Fprintf(w, "complete -c lateen -n '__fish_seen_subcommand_from help' -f -a '%s'\n", strings.Join(helpNames(), " "))
	fmt.Fprintf(w, "complete -c lateen -n '__fish_seen_subcommand_from completion' -f -a '%s'\n", strings.Join(shells, " "))
	for _, c := range completions() {
		for _, f := range c.flags {
			name := "-l " + f.Name
			if len(f.Name) == 1 {
				name = "-s " + f.Name
			}
			value := ""
			switch list := wordsOf(c.name, f.Name); {
			case list != nil:
				value = " -x -a '" + strings.Join(list, " ") + "'"
			case slices.Contains(fileFlags, f.Name):
				value = " -r -F"
			case !isSwitch(f):
				value = " -x"
			}
			fmt.Fprintf(w, "complete -c lateen -n '__fish_seen_subcommand_from %s' %s%s -d '%s'\n", c.name, name, value, quote.Replace(aboutFlag(f)))
		}
	}
}

// names are the names of all commands.
func names() []string {
	var out []string
	for _, c := range commands() {
		out = append(out, c.name)
	}
	return out
}
