package config

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// tokenKind says what a token is.
type tokenKind uint8

const (
	endOfFile tokenKind = iota
	word
	semicolon
	openBrace
	closeBrace
)

// token is one piece of a statement.
type token struct {
	kind    tokenKind
	text    string // of a word, without its quotes
	pos     Pos
	newLine bool // a line ended between the token before and this one
}

func (t token) String() string {
	switch t.kind {
	case semicolon:
		return "`;`"
	case openBrace:
		return "`{`"
	case closeBrace:
		return "`}`"
	case endOfFile:
		return "the end of the file"
	}
	return show(t.text)
}

// lexer cuts one file into tokens.
type lexer struct {
	text []byte // what is still unread
	pos  Pos    // of text[0]
}

func newLexer(src Source) *lexer {
	text := bytes.TrimPrefix(src.Text, []byte("\xef\xbb\xbf"))
	return &lexer{text: text, pos: Pos{File: src.Path, Line: 1, Column: 1}}
}

// next returns the next token. A word ends at white space, `;` or `{`; a `}`, a `#` and quotes inside it are its own.
func (l *lexer) next() (token, error) {
	newLine := l.skipBlank()
	t := token{kind: endOfFile, pos: l.pos, newLine: newLine}
	if len(l.text) == 0 {
		return t, nil
	}
	switch l.text[0] {
	case ';':
		t.kind = semicolon
	case '{':
		t.kind = openBrace
	case '}':
		t.kind = closeBrace
	case '"', '\'':
		return l.quoted(t)
	default:
		return l.plain(t)
	}
	l.advance(1)
	return t, nil
}

// skipBlank passes over white space and comments and says whether a line ended there.
func (l *lexer) skipBlank() (newLine bool) {
	for len(l.text) > 0 {
		switch {
		case l.text[0] == '#':
			end := bytes.IndexByte(l.text, '\n')
			if end < 0 {
				end = len(l.text)
			}
			l.advance(end)
		case isBlank(l.text[0]):
			newLine = newLine || l.text[0] == '\n'
			l.advance(1)
		default:
			return newLine
		}
	}
	return newLine
}

// plain reads a word without quotes.
func (l *lexer) plain(t token) (token, error) {
	end := bytes.IndexFunc(l.text, func(r rune) bool { return r == ';' || r == '{' || r < utf8.RuneSelf && isBlank(byte(r)) })
	if end < 0 {
		end = len(l.text)
	}
	return l.word(t, l.text[:end], end)
}

// quoted reads a word in quotes. There are no escapes, and what follows must end the word.
func (l *lexer) quoted(t token) (token, error) {
	quote := l.text[0]
	end := bytes.IndexAny(l.text[1:], string([]byte{quote, '\n'}))
	if end < 0 || l.text[1+end] != quote {
		return t, Problem{Pos: t.pos, Text: "the quote that begins here does not end on its line"}
	}
	t, err := l.word(t, l.text[1:1+end], end+2)
	if err != nil {
		return t, err
	}
	if len(l.text) > 0 && !isBlank(l.text[0]) && l.text[0] != ';' && l.text[0] != '{' {
		r, _ := utf8.DecodeRune(l.text)
		return t, Problem{Pos: l.pos, Text: fmt.Sprintf("unexpected %q after a quote: a blank, `;` or `{` must follow", r)}
	}
	return t, nil
}

func (l *lexer) word(t token, text []byte, length int) (token, error) {
	if len(text) > maxWord {
		return t, Problem{Pos: t.pos, Text: fmt.Sprintf("a word of %d bytes: the limit is %d", len(text), maxWord)}
	}
	t.kind, t.text = word, string(text)
	l.advance(length)
	return t, nil
}

// advance passes over n bytes and keeps the position, whose column counts characters.
func (l *lexer) advance(n int) {
	for _, b := range l.text[:n] {
		switch {
		case b == '\n':
			l.pos.Line, l.pos.Column = l.pos.Line+1, 1
		case b&0xc0 != 0x80: // not the inside of a UTF-8 sequence
			l.pos.Column++
		}
	}
	l.text = l.text[n:]
}

func isBlank(b byte) bool { return b == ' ' || b == '\t' || b == '\r' || b == '\n' }
