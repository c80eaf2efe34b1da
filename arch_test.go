package main

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// edges says which of our packages each may import: only those below it. A new edge means a line here, and a reason for it
// in the commit. What has no line may not exist.
var edges = map[string]string{
	"main":   "bench config server",
	"server": "api audio bridge cert config dtls flv hls ice media port rtc rtmp sdp srt stream ts web",
	"bench":  "ice media", // measures any server, so it knows nothing of ours above the wire
	"rtc":    "dtls ice media sdp",
	"sdp":    "media",
	"stream": "media",
	"audio":  "media",
	"bridge": "media",
	"flv":    "amf media",
	"rtmp":   "amf flv media",
	"ts":     "audio media",
	"srt":    "",
	"fmp4":   "media",
	"hls":    "fmp4 media ts",
	"amf":    "",
	"cert":   "",
	"dtls":   "",
	"ice":    "",
	"port":   "",
	"config": "",
	"api":    "",
	"web":    "third_party",
	"media":  "",
	"e2e":    "",

	"port/porttest": "", // for tests

	"e2e/copy": "", // a client for the tests, built of other people's libraries

	"third_party": "", // scripts of other projects, which can be embedded from their own folder only
}

// testEdges are what the tests of a package may import besides.
var testEdges = map[string]string{
	"main":   "port/porttest",
	"e2e":    "api bench ice media port/porttest",
	"server": "bench port/porttest", // as a client of the server under test
}

// pure are the packages that take bytes and the time, and give bytes and events: they have no socket, no lock, no
// goroutine, no clock and no dice of their own. That is what makes them testable, fuzzable and fast.
var pure = []string{"media", "ice", "sdp", "rtc", "config", "amf", "flv", "fmp4", "hls", "rtmp", "ts", "bridge"}

// impure is what a pure package must not import.
var impure = []string{
	"crypto/rand", "io/ioutil", "log", "log/slog", "math/rand", "math/rand/v2", "net", "net/http", "os", "os/exec", "os/signal", "path/filepath",
	"runtime", "sync", "sync/atomic", "syscall", "unsafe",
}

// clocks are what a pure package must not use of package time.
var clocks = []string{"After", "AfterFunc", "NewTicker", "NewTimer", "Now", "Since", "Sleep", "Tick", "Ticker", "Timer", "Until"}

// source is a file of the project.
type source struct {
	name string // path from the root
	pkg  string // the directory, "main" for the root
	test bool
	file *ast.File
}

// sources parses every Go file, whatever it is built for.
func sources(t *testing.T) (fset *token.FileSet, list []source) {
	t.Helper()
	fset = token.NewFileSet()
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		switch base := d.Name(); {
		case err != nil:
			return err
		case d.IsDir() && name != "." && (strings.HasPrefix(base, ".") || base == "testdata" || base == "node_modules"):
			return filepath.SkipDir
		case d.IsDir() || path.Ext(base) != ".go":
			return nil
		}
		file, err := parser.ParseFile(fset, name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		pkg := filepath.ToSlash(filepath.Dir(name))
		if pkg == "." {
			pkg = "main"
		}
		list = append(list, source{filepath.ToSlash(name), pkg, strings.HasSuffix(name, "_test.go"), file})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(list) == 0 {
		t.Fatal("there are no sources")
	}
	return fset, list
}

// imports are the paths of what a file imports.
func (s source) imports() (paths []string) {
	for _, spec := range s.file.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			panic(err) // the parser has read it
		}
		paths = append(paths, p)
	}
	return paths
}

// TestImportsGoDown holds every file to the table of edges.
func TestImportsGoDown(t *testing.T) {
	_, list := sources(t)
	used, there := make(map[string]bool), make(map[string]bool)
	for _, s := range list {
		there[s.pkg] = true
		allowed, known := edges[s.pkg]
		if !known {
			t.Errorf("%s: package %s is not in the table of edges", s.name, s.pkg)
		}
		if s.test {
			allowed += " " + testEdges[s.pkg] + " " + s.pkg // an external test imports what it tests
		}
		for _, p := range s.imports() {
			ours, ok := strings.CutPrefix(p, "oneport/")
			if !ok {
				continue
			}
			used[s.pkg+" -> "+ours] = true
			if !slices.Contains(strings.Fields(allowed), ours) {
				t.Errorf("%s imports %s, which the table of edges does not allow %s", s.name, ours, s.pkg)
			}
		}
	}
	for pkg, allowed := range edges {
		for _, below := range strings.Fields(allowed) {
			if there[pkg] && !used[pkg+" -> "+below] {
				t.Errorf("the table allows %s -> %s, which nothing uses", pkg, below)
			}
		}
	}
}

// TestEdgesHaveNoCycle proves that "down" means something, tests included.
func TestEdgesHaveNoCycle(t *testing.T) {
	var visit func(pkg string, way []string)
	visit = func(pkg string, way []string) {
		if slices.Contains(way, pkg) {
			t.Fatalf("edges go in a circle: %s", strings.Join(append(way, pkg), " -> "))
		}
		for _, below := range strings.Fields(edges[pkg] + " " + testEdges[pkg]) {
			visit(below, append(slices.Clip(way), pkg))
		}
	}
	for pkg := range edges {
		visit(pkg, nil)
	}
}

// TestPurePackages finds sockets, locks, goroutines, clocks and dice where they must not be.
func TestPurePackages(t *testing.T) {
	fset, list := sources(t)
	found := make(map[string]bool)
	for _, s := range list {
		if s.test || !slices.Contains(pure, s.pkg) {
			continue
		}
		found[s.pkg] = true
		for i, p := range s.imports() {
			if slices.Contains(impure, p) || p == "time" && s.file.Imports[i].Name != nil { // a renamed clock is one too
				t.Errorf("%s imports %s: package %s is pure", s.name, p, s.pkg)
			}
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if what := impurity(n); what != "" {
				t.Errorf("%s: %s: package %s is pure", fset.Position(n.Pos()), what, s.pkg)
			}
			return true
		})
	}
	for _, pkg := range pure {
		if !found[pkg] {
			t.Errorf("package %s has no sources", pkg)
		}
	}
}

// TestFunctionsFitAScreen finds functions that can't be seen at once. Tests are left alone: their tables are long.
func TestFunctionsFitAScreen(t *testing.T) {
	const screen = 60 // lines
	fset, list := sources(t)
	seen := 0
	for _, s := range list {
		for _, d := range s.file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || s.test {
				continue
			}
			seen++
			if from, to := fset.Position(f.Pos()), fset.Position(f.End()); to.Line-from.Line >= screen {
				t.Errorf("%s: %s has %d lines", from, f.Name.Name, to.Line-from.Line+1)
			}
		}
	}
	if seen < 1000 {
		t.Errorf("only %d functions were seen", seen)
	}
}

// impurity says what a pure package must not contain.
func impurity(n ast.Node) string {
	switch n := n.(type) {
	case *ast.GoStmt:
		return "a goroutine"
	case *ast.ChanType, *ast.SelectStmt:
		return "a channel"
	case *ast.SelectorExpr:
		if x, ok := n.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains(clocks, n.Sel.Name) {
			return "time." + n.Sel.Name
		}
	}
	return ""
}

// TestNoInit: nothing happens by being imported.
func TestNoInit(t *testing.T) {
	fset, list := sources(t)
	for _, s := range list {
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s: an init function", fset.Position(f.Pos()))
			}
		}
	}
}

// TestPackageComments: each package says in one sentence what it is; more may follow in paragraphs of their own.
func TestPackageComments(t *testing.T) {
	_, list := sources(t)
	comments := make(map[string][]string)
	for _, s := range list {
		comments[s.pkg] = append(comments[s.pkg], "")
		if s.file.Doc != nil && !strings.HasSuffix(s.file.Name.Name, "_test") {
			comments[s.pkg] = append(comments[s.pkg], s.file.Doc.Text())
		}
	}
	for pkg, texts := range comments {
		texts = slices.DeleteFunc(texts, func(s string) bool { return s == "" })
		if len(texts) != 1 {
			t.Errorf("package %s has %d comments, want one", pkg, len(texts))
			continue
		}
		if err := oneSentence(pkg, texts[0]); err != nil {
			t.Errorf("package %s: %v", pkg, err)
		}
	}
}

// oneSentence looks at the first paragraph of a package's comment.
func oneSentence(pkg, text string) error {
	paragraph, _, _ := strings.Cut(text, "\n\n")
	paragraph = strings.Join(strings.Fields(paragraph), " ")
	start := "Package " + path.Base(pkg) + " "
	if pkg == "main" {
		start = "Oneport "
	}
	first := new(doc.Package).Synopsis(paragraph)
	return cmp.Or(
		failIf(!strings.HasPrefix(paragraph, start), "the comment does not begin with %q", start),
		failIf(!strings.HasSuffix(paragraph, "."), "the comment's first paragraph is no sentence: %q", paragraph),
		failIf(first != paragraph, "the comment's first paragraph is more than one sentence: %q", paragraph),
	)
}

func failIf(bad bool, format string, args ...any) error {
	if !bad {
		return nil
	}
	return fmt.Errorf(format, args...)
}
