// Command reload measures a gateway whose files change while it serves.
//
//	cd bench && go run ./reload
//
// First, 1,000 routes are replaced 100 times a second while clients in a process of their
// own keep every processor busy, over connections that stay open. It prints how many requests were lost or got
// answers of two configurations, and how the latency, the heap and the goroutines
// compare with those without replacements.
//
// Then it changes one of 10,000 routes by the rename of one of 100 files, again and again,
// and prints how long it takes from the rename to the first request on the new route.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"time"
)

func main() {
	seconds := flag.Int("seconds", 20, "how long each load lasts")
	changes := flag.Int("changes", 100, "how many times one of 10,000 routes changes")
	clientsOf := flag.String("clients-of", "", "send requests to this URL and print what came of them; the command starts itself with it")
	flag.Parse()
	log.SetFlags(0)
	if *clientsOf != "" {
		if err := runClients(*clientsOf, time.Duration(*seconds)*time.Second); err != nil {
			log.Fatal(err)
		}
		return
	}
	if err := underLoad(time.Duration(*seconds) * time.Second); err != nil {
		log.Fatal(err)
	}
	fmt.Println()
	if err := untilServed(*changes); err != nil {
		log.Fatal(err)
	}
}

// scratch returns a directory that the caller removes.
func scratch() (string, error) { return os.MkdirTemp("", "lateen-reload") }
