//go:build !linux

package main

import "log"

func main() { log.Fatal("the comparison of proxies runs on Linux only") }
