package e2e

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// program is the program under test: that of ONEPORT_BIN, or one built for this run.
var program string

func TestMain(m *testing.M) { os.Exit(withBinary(m)) }

func withBinary(m *testing.M) int {
	// Most tests wait for the server's deadlines most of the time.
	flag.Parse()
	if err := flag.Set("test.parallel", "12"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if program = os.Getenv("ONEPORT_BIN"); program != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "oneport-e2e")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "oneport")
	build := exec.Command("go", "build", "-o", program, "oneport")
	build.Stdout, build.Stderr = os.Stdout, os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "e2e: the binary can't be built:", err)
		return 1
	}
	return m.Run()
}
