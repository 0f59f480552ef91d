package main

import (
	"embed"
	"slices"
	"strings"
)

// topicFiles are the topics of help, one file each.
//
//go:embed topics/*.txt
var topicFiles embed.FS

// topics are the names of all topics.
func topics() []string {
	entries, _ := topicFiles.ReadDir("topics")
	var out []string
	for _, e := range entries {
		out = append(out, strings.TrimSuffix(e.Name(), ".txt"))
	}
	return out
}

// topic returns the text of a topic.
func topic(name string) (string, bool) {
	if !slices.Contains(topics(), name) {
		return "", false
	}
	text, err := topicFiles.ReadFile("topics/" + name + ".txt")
	return string(text), err == nil
}

// helpNames are what help has a text for.
func helpNames() []string { return append(names(), topics()...) }
