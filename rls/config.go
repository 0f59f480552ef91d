package rls

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/lateengo/gateway/internal/descriptor"
)

// A Config has the limits of some domains, in the format of
// github.com/envoyproxy/ratelimit. LoadConfig and ParseConfig return one. It is
// immutable, and safe for concurrent use. The zero value has no domain.
//
// Each file has one domain:
//
//	domain: shop
//	descriptors:
//	  - key: user
//	    rate_limit: {unit: minute, requests_per_unit: 10}
//	  - key: user
//	    value: alice
//	    rate_limit: {unit: minute, requests_per_unit: 100, name: alice}
//	  - key: path
//	    value: /files/*
//	    descriptors:
//	      - key: remote_address
//	        rate_limit: {unit: second, requests_per_unit: 5}
//
// The limit of a descriptor applies to requests with exactly as many entries as
// it has keys, in this order. For each entry, a descriptor with its value is
// first, then the first one with a pattern that matches ("*" is any text), then
// the one without a value, which counts each value apart. There is no way back: if
// the chosen descriptor has nothing for the next entry, there is no limit.
//
// A rate_limit has a unit (second, minute, hour, day, week, month or year, in any
// letter case) and requests_per_unit, or it is unlimited. With the name of other
// limits in replaces, they do not apply to a request if this one does. A
// descriptor with shadow_mode is counted and never over its limit, and one with
// share_threshold counts all values that match its pattern together.
// detailed_metric and value_to_metric are about statistics, and change nothing
// here.
//
// These are errors, besides those of Envoy's service: a key of the wrong level, a
// repeated key, and a limit without requests_per_unit, which would allow nothing.
// quota_mode and metadata are not supported.
type Config struct{ tree descriptor.Tree }

// A ConfigFile is the text of one file of a Config.
type ConfigFile struct {
	// Name is the name in errors.
	Name string
	Text []byte
}

// LoadConfig reads a Config from files and directories. Of a directory it reads
// the files *.yaml and *.yml, in the order of their names, without
// subdirectories. A directory without such a file is an error. The error joins
// those of all files; see ParseConfig.
func LoadConfig(paths ...string) (*Config, error) {
	var files []ConfigFile
	var failed []error
	for _, path := range paths {
		names, err := filesOf(path)
		if err != nil {
			failed = append(failed, fmt.Errorf("rls: %w", err))
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				failed = append(failed, fmt.Errorf("rls: %w", err))
				continue
			}
			files = append(files, ConfigFile{Name: name, Text: text})
		}
	}
	c, err := ParseConfig(files...)
	if err := errors.Join(append(failed, err)...); err != nil {
		return nil, err
	}
	return c, nil
}

// filesOf returns the path itself, or the files of a directory.
func filesOf(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		name := filepath.Join(path, e.Name())
		if ext := filepath.Ext(name); ext != ".yaml" && ext != ".yml" {
			continue
		}
		// A mounted ConfigMap has links to files.
		if info, err := os.Stat(name); err != nil || !info.IsDir() {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%s has no *.yaml or *.yml file", path)
	}
	slices.Sort(names)
	return names, nil
}

// ParseConfig reads a Config. The error joins a *spec.Error for each problem, with
// its place, which spec.Errors returns one by one.
func ParseConfig(files ...ConfigFile) (*Config, error) {
	var problems []error
	var domains []descriptor.Domain
	var places []*domainPlace
	for _, f := range files {
		r := configReader{file: f.Name}
		if domain, place := r.read(f.Text); place != nil {
			domains, places = append(domains, domain), append(places, place)
		}
		problems = append(problems, r.problems...)
	}
	tree, wrong := descriptor.NewTree(domains)
	for _, w := range wrong {
		if e := places[w.Path[0]].problem(w); e != nil {
			problems = append(problems, e)
		}
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	return &Config{tree: *tree}, nil
}
