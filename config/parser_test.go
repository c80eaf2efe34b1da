package config

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
)

// tree writes directives on one line: name@line:column, arguments in brackets, blocks in braces.
func tree(d *Directive) string {
	var b strings.Builder
	for i, c := range d.Block {
		if i > 0 {
			b.WriteByte(' ')
		}
		fmt.Fprintf(&b, "%s@%d:%d", c.Name, c.Pos.Line, c.Pos.Column)
		for _, a := range c.Args {
			fmt.Fprintf(&b, "[%s@%d:%d]", a.Text, a.Pos.Line, a.Pos.Column)
		}
		if c.Braces {
			b.WriteString("{" + tree(c) + "}")
		}
	}
	return b.String()
}

func TestParse(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "", ""},
		{"blanks and comments", " \t\r\n# a; b { c\n#", ""},
		{"setting", "listen 1935;", "listen@1:1[1935@1:8]"},
		{"several arguments", "a b c;d e;", "a@1:1[b@1:3][c@1:5] d@1:7[e@1:9]"},
		{"no argument", "a;", "a@1:1"},
		{"blocks", "a { b { c d; } }\ne {}", "a@1:1{b@1:5{c@1:9[d@1:11]}} e@2:1{}"},
		{"block with an argument", "vhost x{a b;}", "vhost@1:1[x@1:7]{a@1:9[b@1:11]}"},
		{"carriage returns", "a b;\r\nc d;\r\n", "a@1:1[b@1:3] c@2:1[d@2:3]"},
		{"the brace on the next line", "vhost x\n{ a b; }", "vhost@1:1[x@1:7]{a@2:3[b@2:5]}"},
		{"argument on the line after the name", "on_publish\n  x y;", "on_publish@1:1[x@2:3][y@2:5]"},
		{"quotes", `a "b c;{}#" 'd "e"';`, `a@1:1[b c;{}#@1:3][d "e"@1:13]`},
		{"quoted name", `"a b" c;`, "a b@1:1[c@1:7]"},
		{"empty quotes drop out", `"" a "" b '';`, "a@1:1[b@1:9]"},
		{"a quote right before the end", `a "b";c 'd'{}`, "a@1:1[b@1:3] c@1:7[d@1:9]{}"},
		{"quotes inside a word", `a b"c'd";`, `a@1:1[b"c'd"@1:3]`},
		{"comments only where a word may begin", "a b#c; # d\ne f;", "a@1:1[b#c@1:3] e@2:1[f@2:3]"},
		{"a closing brace inside a word", "a b}c;", "a@1:1[b}c@1:3]"},
		{"columns count characters", "é ü; x y;", "é@1:1[ü@1:3] x@1:6[y@1:8]"},
		{"byte order mark", "\xef\xbb\xbfa b;", "a@1:1[b@1:3]"},
		{"no variables, no escapes", `a $b \n "\";`, `a@1:1[$b@1:3][\n@1:6][\@1:9]`},
	} {
		t.Run(c.name, func(t *testing.T) {
			root, err := Parse(Source{Path: "f", Text: []byte(c.text)}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := tree(root); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestInclude(t *testing.T) {
	files := map[string]string{"one": "a 1; include two;", "two": "b {\n c 2; }", "three": "d 3;", "open": "a {", "shut": "}"}
	include := func(path string) ([]byte, error) {
		text, ok := files[path]
		if !ok {
			return nil, os.ErrNotExist
		}
		return []byte(text), nil
	}
	for _, c := range []struct{ text, want string }{
		{"include one three; e;", "a@1:1[1@1:3] b@1:1{c@2:2[2@2:4]} d@1:1[3@1:3] e@1:20"},
		{"x { include three; }", "x@1:1{d@1:1[3@1:3]}"},
		{"x 1; include none;", "f:1:14: include `none`: file does not exist"},
		{"x { include open; }", "open:1:4: the file ends within the block of `a`, line 1: a `}` is missing"},
		{"x { include shut;", "shut:1:1: unexpected `}`: no block is open here"},
	} {
		root, err := Parse(Source{Path: "f", Text: []byte(c.text)}, include)
		got := fmt.Sprint(err)
		if err == nil {
			got = tree(root)
		}
		if got != c.want {
			t.Errorf("%s\ngot  %s\nwant %s", c.text, got, c.want)
		}
	}
	root, err := Parse(Source{Path: "f", Text: []byte("include one;")}, include)
	if err != nil || root.Block[1].Pos.File != "two" {
		t.Errorf("a directive does not know the file it stands in: %v, %v", root, err)
	}
}

// Everything that could grow has a bound, and what is at the bound still works.
func TestBounds(t *testing.T) {
	include := func(string) ([]byte, error) { return []byte("a;"), nil }
	nested := func(n int) string { return strings.Repeat("a {", n) + strings.Repeat("}", n) }
	for _, c := range []struct {
		name, text, want string
	}{
		{"depth", nested(maxDepth), ""},
		{"depth", nested(maxDepth + 1), "nested more than 16 deep"},
		{"word", "a " + strings.Repeat("b", maxWord) + ";", ""},
		{"word", "a " + strings.Repeat("b", maxWord+1) + ";", "a word of 4097 bytes"},
		{"quoted word", "a '" + strings.Repeat("b", maxWord+1) + "';", "a word of 4097 bytes"},
		{"arguments", "a" + strings.Repeat(" b", maxArgs) + ";", ""},
		{"arguments", "a" + strings.Repeat(" b", maxArgs+1) + ";", "more than 1000 arguments"},
		{"directives", strings.Repeat("a;", maxDirectives), ""},
		{"directives", strings.Repeat("a;", maxDirectives+1), "more than 20000 directives"},
		{"size", strings.Repeat(" ", MaxFile), ""},
		{"size", strings.Repeat(" ", MaxFile+1), "the limit is 1048576"},
		{"files", strings.Repeat("include a;", maxFiles-1), ""},
		{"files", strings.Repeat("include a;", maxFiles), "more than 64 files"},
	} {
		_, err := Parse(Source{Path: "f", Text: []byte(c.text)}, include)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: got %v, want %s", c.name, err, c.want)
		}
	}
}

// A file that includes itself twice must not double at every level.
func TestIncludeBomb(t *testing.T) {
	asked := 0
	include := func(string) ([]byte, error) {
		asked++
		return []byte("include x x x x x x x x;"), nil
	}
	_, err := Parse(Source{Path: "f", Text: []byte("include x;")}, include)
	var p Problem
	if !errors.As(err, &p) || asked > maxFiles {
		t.Errorf("%d files were read, then %v", asked, err)
	}
}
