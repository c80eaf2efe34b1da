package third_party

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var sumInReadme = regexp.MustCompile(`(?m)^ {4}([0-9a-f]{64})  (\S+)$`)

// TestFilesAreTheReleasedOnes compares every file with the sum that was taken when it came.
func TestFilesAreTheReleasedOnes(t *testing.T) {
	readmes, err := filepath.Glob("*/README.md")
	if err != nil || len(readmes) != len(Scripts()) {
		t.Fatalf("%d scripts and %d READMEs: %v", len(Scripts()), len(readmes), err)
	}
	for _, readme := range readmes {
		text, err := os.ReadFile(readme)
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.Dir(readme)
		told := make(map[string]string)
		for _, m := range sumInReadme.FindAllStringSubmatch(string(text), -1) {
			told[m[2]] = m[1]
		}
		err = fs.WalkDir(os.DirFS(dir), "dist", func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			body, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				return err
			}
			if sum := sha256.Sum256(body); told[name] != hex.EncodeToString(sum[:]) {
				t.Errorf("%s/%s has the sum %x, and its README says %q", dir, name, sum, told[name])
			}
			delete(told, name)
			return nil
		})
		if err != nil || len(told) > 0 {
			t.Errorf("%s: %v; named and not there: %v", readme, err, told)
		}
	}
}

// TestScripts: each is one of the files above, under a name that tells its version, with its licence beside it, and says of its
// changes if it has any.
func TestScripts(t *testing.T) {
	for _, s := range Scripts() {
		project, version, _ := strings.Cut(strings.TrimSuffix(s.Name, ".min.js"), "-")
		version, changed, _ := strings.Cut(version, "-")
		dir := project + ".js-" + version
		if licence, err := os.ReadFile(dir + "/LICENSE"); err != nil || !bytes.Contains(licence, []byte("Apache License")) {
			t.Errorf("%s: the licence in %s is missing or another: %v", s.Name, dir, err)
		}
		files, _ := filepath.Glob(dir + "/dist/*.js")
		if len(files) != 1 || files[0] != s.Released {
			t.Fatalf("%s: %v, and it is %s", dir, files, s.Released)
		}
		body, err := os.ReadFile(s.Released)
		if err != nil || bytes.Equal(body, s.Body) != (changed == "") {
			t.Errorf("%s is not %s: %v", s.Name, s.Released, err)
		}
		readme, err := os.ReadFile(dir + "/README.md")
		if told := bytes.Contains(readme, []byte("What is changed")); err != nil || told != (changed != "") {
			t.Errorf("the README of %s tells of changes: %t; %v", s.Name, told, err)
		}
		if says := bytes.HasPrefix(s.Body, []byte("/* "+s.Released+" with changes by oneport")); says != (changed != "") {
			t.Errorf("%s says itself that it is changed: %t", s.Name, says)
		}
	}
}
