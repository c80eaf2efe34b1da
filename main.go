// Oneport is a media server that carries live video through one port.
package main

import (
	"os"

	"oneport/bench"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "bench" {
		os.Exit(bench.Main(os.Args[2:], os.Stdout, os.Stderr))
	}
	os.Exit(command(os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}
