package main

import (
	"bytes"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"oneport/config"
	"oneport/server"
)

var update = flag.Bool("update", false, "write docs/settings.md anew")

const settingsIntro = `# Settings

Every setting of oneport, from its declaration. A value comes from the environment if the variable is set and not empty,
else from the file, else it is the default. The configuration that is built in, conf/oneport.conf, puts everything on port
8080; the defaults here are SRS's. "oneport -t" prints what is in force and where it comes from.

What begins with "vhost" applies to every virtual host when it comes from the environment.

`

// TestSettingsAreDocumented keeps docs/settings.md equal to the declarations.
func TestSettingsAreDocumented(t *testing.T) {
	var want bytes.Buffer
	want.WriteString(settingsIntro)
	settings, err := config.Describe(&server.Config{})
	if err != nil {
		t.Fatal(err)
	}
	writeTable(&want, settings)
	const file = "docs/settings.md"
	if *update {
		if err := os.WriteFile(file, want.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got := readDoc(t, file); got != want.String() {
		t.Errorf("%s is not what the settings say: run go test -run TestSettingsAreDocumented -update .", file)
	}
}

// writeTable prints settings as a table in Markdown.
func writeTable(w *bytes.Buffer, settings []config.Setting) {
	w.WriteString("| setting | environment | default | what |\n|---|---|---|---|\n")
	for _, s := range settings {
		env, def := "", s.Default
		if len(s.Env) > 0 {
			env = "`" + s.Env[0] + "`"
		}
		if def != "" {
			def = "`" + def + "`"
		}
		fmt.Fprintf(w, "| `%s` | %s | %s | %s (%s) |\n", s.Path, env, def, strings.ReplaceAll(s.Doc, "|", `\|`), s.Kind)
	}
}

// The variables that the documents name though nothing reads them yet. The documents say so beside them.
var notReadYet = []string{}

// TestDocumentsNameRealVariables finds misspelt environment names, and those that have become real.
func TestDocumentsNameRealVariables(t *testing.T) {
	settings, err := config.Describe(&server.Config{})
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{"SRS_CONFIG_FILE": true, "SRS_ENV_ONLY": true}
	for _, s := range settings {
		for _, name := range s.Env {
			known[name] = true
		}
	}
	for _, name := range notReadYet {
		if known[name] {
			t.Errorf("%s is read now: the documents say that it is not", name)
		}
	}
	variable := regexp.MustCompile(`\bSRS_[A-Z0-9_]+`)
	for _, file := range documents(t) {
		for _, name := range variable.FindAllString(readDoc(t, file), -1) {
			if !known[name] && !slices.Contains(notReadYet, name) {
				t.Errorf("%s names %s, which nothing reads", file, name)
			}
		}
	}
}

// TestDocumentsLinkToFiles finds links to files that are not there.
func TestDocumentsLinkToFiles(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)
	for _, file := range documents(t) {
		for _, m := range link.FindAllStringSubmatch(readDoc(t, file), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(file), m[1])); err != nil {
				t.Errorf("%s links to %s, which is not there", file, m[1])
			}
		}
	}
}

// TestSampleConfigurations loads every file of conf without a warning.
func TestSampleConfigurations(t *testing.T) {
	files, err := filepath.Glob("conf/*.conf")
	if err != nil || len(files) < 3 {
		t.Fatalf("samples: %v, %v", files, err)
	}
	for _, file := range files {
		in := config.Input{Source: config.Source{Path: file, Text: []byte(readDoc(t, file))}, Include: os.ReadFile}
		report, err := config.Load(in, &server.Config{})
		if err != nil {
			t.Error(err)
			continue
		}
		for _, w := range report.Warnings.List {
			t.Error(w)
		}
	}
}

// TestNotice holds NOTICE to the modules that the binary is made of, on every system it is built for.
func TestNotice(t *testing.T) {
	modules := linkedModules(t)
	if len(modules) == 0 {
		t.Fatal("the binary has no modules, which can't be")
	}
	notice := strings.Split(readDoc(t, "NOTICE"), "\n")
	for _, module := range modules {
		i := slices.Index(notice, module)
		if i < 0 || i+2 >= len(notice) {
			t.Errorf("NOTICE does not name %s, which is in the binary", module)
			continue
		}
		if licence := readDoc(t, strings.TrimSpace(notice[i+2])); !strings.Contains(strings.ToLower(licence), "copyright") {
			t.Errorf("the licence text of %s names no copyright", module)
		}
	}
	for _, line := range notice {
		named := regexp.MustCompile(`^[a-z0-9.-]+\.[a-z]+/\S+$`).MatchString(line)
		if named && !slices.Contains(modules, line) {
			t.Errorf("NOTICE names %s, which is not in the binary", line)
		}
	}
}

// Every licence text that is kept is named in NOTICE, and every one that is named is there; the image takes what there is.
func TestLicencesAreThere(t *testing.T) {
	notice := readDoc(t, "NOTICE")
	named := regexp.MustCompile(`(?m)^ +(third_party/\S+)$`).FindAllStringSubmatch(notice, -1)
	for _, m := range named {
		readDoc(t, m[1])
	}
	kept, err := filepath.Glob("third_party/licenses/*")
	if err != nil || len(kept) < 20 {
		t.Fatal(kept, err)
	}
	for _, path := range kept {
		if !strings.Contains(notice, " "+filepath.ToSlash(path)+"\n") {
			t.Errorf("NOTICE does not name %s", path)
		}
	}
	for _, line := range strings.Split(readDoc(t, "Dockerfile"), "\n") {
		f := strings.Fields(line)
		if len(f) < 3 || f[0] != "COPY" || strings.HasPrefix(f[1], "--from") {
			continue
		}
		for _, source := range f[1 : len(f)-1] {
			if _, err := os.Stat(source); err != nil {
				t.Errorf("Dockerfile: %s: %v", line, err)
			}
		}
	}
}

// linkedModules lists the paths of the modules whose packages the binary holds on any system that "make cross" builds for.
func linkedModules(t *testing.T) []string {
	t.Helper()
	var modules []string
	for _, system := range []string{"linux", "darwin", "windows"} {
		list := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}}{{end}}{{end}}", ".")
		list.Env = append(os.Environ(), "GOOS="+system, "CGO_ENABLED=0")
		out, err := list.Output()
		if err != nil {
			t.Fatalf("go list for %s: %v", system, err)
		}
		modules = append(modules, strings.Fields(string(out))...)
	}
	slices.Sort(modules)
	return slices.Compact(modules)
}

// documents are the files in Markdown that are written for users.
func documents(t *testing.T) []string {
	t.Helper()
	files := []string{"README.md", "CHANGES.md"}
	err := fs.WalkDir(os.DirFS("."), "docs", func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".md") {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func readDoc(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(text), "\r\n", "\n")
}
