package config

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files")

// Every file testdata/golden/NAME.conf is loaded, with the environment its lines `# env NAME=VALUE` give, and what there
// is to say about it is compared with NAME.txt.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/golden/*.conf")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".conf"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := said(string(text), filepath.Base(file))
			golden := strings.TrimSuffix(file, ".conf") + ".txt"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

// said loads a configuration and returns all that is said about it.
func said(text, name string) string {
	var environ []string
	for line := range strings.Lines(text) {
		if v, ok := strings.CutPrefix(line, "# env "); ok {
			environ = append(environ, strings.TrimSpace(v))
		}
	}
	_, envOnly := Locate(environ, name, false)
	include := func(path string) ([]byte, error) {
		text, err := os.ReadFile(filepath.Join("testdata/golden", path))
		if err != nil {
			return nil, os.ErrNotExist // the same words on every system
		}
		return text, nil
	}
	var c root
	report, err := Load(Input{Source: Source{Path: name, Text: []byte(text)}, Include: include, Environ: environ, EnvOnly: envOnly}, &c)
	var b strings.Builder
	if len(report.Warnings.List) > 0 {
		fmt.Fprintf(&b, "warnings:\n%v\n", &report.Warnings)
	}
	if err != nil {
		fmt.Fprintf(&b, "errors:\n%v\n", err)
	}
	for i, u := range report.Unread {
		if i == 0 {
			b.WriteString("environment:\n")
		}
		fmt.Fprintln(&b, u)
	}
	return b.String()
}
