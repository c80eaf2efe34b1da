package config

import "fmt"

// The bounds of what is parsed. A configuration written by people stays far below them.
const (
	MaxFile       = 1 << 20 // bytes of one file; there is no need to read more
	maxFiles      = 64      // files, the included ones together with the first
	maxInclude    = 8       // files including each other
	maxDepth      = 16      // blocks within blocks
	maxDirectives = 20_000  // in all files together
	maxArgs       = 1_000   // of one directive
	maxWord       = 4_096   // bytes
)

// Source is the text of one configuration file.
type Source struct {
	Path string // as problems name it
	Text []byte
}

// Word is an argument and where it stands.
type Word struct {
	Text string
	Pos  Pos
}

// Directive is one statement, `name arg…;` or `name arg… { … }`, or the root, which has neither name nor arguments.
type Directive struct {
	Name   string
	Pos    Pos
	Args   []Word
	Braces bool // it has a block, if only an empty one
	Block  []*Directive
}

// First returns the first directive of that name in the block, which is the one that counts, or nil. A nil directive has none.
func (d *Directive) First(name string) *Directive {
	if d == nil {
		return nil
	}
	for _, c := range d.Block {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// Arg returns the first argument, empty if there is none or the directive is nil.
func (d *Directive) Arg() string {
	if d == nil || len(d.Args) == 0 {
		return ""
	}
	return d.Args[0].Text
}

// Parse reads a configuration as SRS does and returns its root. include reads the files that `include` names; nil forbids
// them. The first fault of the grammar ends it and is returned as a Problem.
func Parse(src Source, include func(path string) ([]byte, error)) (*Directive, error) {
	p := &parser{include: include}
	root := &Directive{Pos: Pos{File: src.Path, Line: 1, Column: 1}, Braces: true}
	if err := p.file(src, root.Pos, root, 0, 0); err != nil {
		return nil, err
	}
	return root, nil
}

// parser counts what the bounds are about.
type parser struct {
	include    func(path string) ([]byte, error)
	files      int
	directives int
}

// file appends the directives of one file to those of a block; from is where the file was asked for.
func (p *parser) file(src Source, from Pos, into *Directive, depth, includes int) error {
	p.files++
	switch {
	case len(src.Text) > MaxFile:
		return Problem{Pos: from, Text: fmt.Sprintf("%s is too long: the limit is %d bytes", show(src.Path), MaxFile)}
	case p.files > maxFiles:
		return Problem{Pos: from, Text: fmt.Sprintf("more than %d files are included", maxFiles)}
	case includes > maxInclude:
		return Problem{Pos: from, Text: fmt.Sprintf("includes are nested more than %d deep", maxInclude)}
	}
	b := &block{parser: p, lexer: newLexer(src), into: into, depth: depth, includes: includes}
	return b.read(endOfFile)
}

// block is one `{ … }`, or a file, while its statements are read into a directive.
type block struct {
	*parser
	*lexer
	into     *Directive
	depth    int // of blocks
	includes int // of files
}

// read appends statements until the token that ends the block.
func (b *block) read(end tokenKind) error {
	for {
		t, err := b.next()
		if err != nil {
			return err
		}
		switch {
		case t.kind == end:
			return nil
		case t.kind == endOfFile:
			text := fmt.Sprintf("the file ends within the block of %s, line %d: a `}` is missing", show(b.into.Name), b.into.Pos.Line)
			return Problem{Pos: t.pos, Text: text}
		case t.kind == closeBrace:
			return Problem{Pos: t.pos, Text: "unexpected `}`: no block is open here"}
		case t.kind != word:
			return Problem{Pos: t.pos, Text: fmt.Sprintf("unexpected %s: a directive must come first", t)}
		}
		if err := b.statement(t); err != nil {
			return err
		}
	}
}

// statement reads a directive whose first word is known.
func (b *block) statement(first token) error {
	d, end, err := b.words(first)
	if err != nil {
		return err
	}
	if b.directives++; b.directives > maxDirectives {
		return Problem{Pos: d.Pos, Text: fmt.Sprintf("more than %d directives", maxDirectives)}
	}
	if d.Name == "include" {
		return b.includeFiles(d, end)
	}
	b.into.Block = append(b.into.Block, d)
	if end.kind == semicolon {
		return nil
	}
	d.Braces = true
	if b.depth+1 > maxDepth {
		return Problem{Pos: d.Pos, Text: fmt.Sprintf("blocks are nested more than %d deep", maxDepth)}
	}
	inner := &block{parser: b.parser, lexer: b.lexer, into: d, depth: b.depth + 1, includes: b.includes}
	return inner.read(closeBrace)
}

// words reads the name and the arguments of a directive, up to and with the token that ends them. Empty words (quoted
// nothing) do not count. Like in SRS a line may end after the name, but not between arguments: there a `;` was forgotten.
func (b *block) words(t token) (*Directive, token, error) {
	d := &Directive{Pos: t.pos}
	for t.kind == word {
		switch {
		case t.newLine && len(d.Args) > 0:
			return nil, t, Problem{Pos: t.pos, Text: fmt.Sprintf("%s begins a line within %s: is a `;` missing before it?", t, show(d.Name))}
		case len(d.Args) == maxArgs:
			return nil, t, Problem{Pos: t.pos, Text: fmt.Sprintf("%s has more than %d arguments", show(d.Name), maxArgs)}
		case t.text == "":
		case d.Name == "":
			d.Name = t.text
		default:
			d.Args = append(d.Args, Word{Text: t.text, Pos: t.pos})
		}
		var err error
		if t, err = b.next(); err != nil {
			return nil, t, err
		}
	}
	switch {
	case d.Name == "":
		return nil, t, Problem{Pos: d.Pos, Text: "a directive without a name"}
	case t.kind == endOfFile:
		return nil, t, Problem{Pos: t.pos, Text: fmt.Sprintf("the file ends within %s: a `;` is missing", show(d.Name))}
	case t.kind == closeBrace:
		return nil, t, Problem{Pos: t.pos, Text: fmt.Sprintf("unexpected %s: %s must end with `;` or `{`", t, show(d.Name))}
	}
	return d, t, nil
}

// includeFiles puts the directives of other files where the include stands.
func (b *block) includeFiles(d *Directive, end token) error {
	switch {
	case end.kind != semicolon:
		return Problem{Pos: end.pos, Text: "`include` has no block: it must end with `;`"}
	case len(d.Args) == 0:
		return Problem{Pos: d.Pos, Text: "`include` names no file"}
	case b.include == nil:
		return Problem{Pos: d.Pos, Text: "`include` is not possible here"}
	}
	for _, f := range d.Args {
		text, err := b.include(f.Text)
		if err != nil {
			return Problem{Pos: f.Pos, Text: fmt.Sprintf("include %s: %v", show(f.Text), err)}
		}
		if err := b.file(Source{Path: f.Text, Text: text}, f.Pos, b.into, b.depth, b.includes+1); err != nil {
			return err
		}
	}
	return nil
}
