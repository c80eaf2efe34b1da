package config

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Pos is a place in a file; lines and columns count from 1. The zero Pos is no place.
type Pos struct {
	File         string
	Line, Column int
}

func (p Pos) String() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column) }

// Problem is one thing that is wrong with a configuration, or worth a warning, and where it was found.
type Problem struct {
	Pos  Pos    // if it is in a file
	Env  string // the environment variable's name, if it is there
	Text string
}

func (p Problem) Error() string {
	switch {
	case p.Env != "":
		return "environment: " + p.Env + ": " + p.Text
	case p.Pos.Line > 0:
		return p.Pos.String() + ": " + p.Text
	}
	return p.Text
}

// maxProblems bounds how many problems are told; the rest is only counted.
const maxProblems = 50

// Problems is every problem found: an error with a line for each.
type Problems struct {
	List []Problem
	More int // how many are not in the list
}

func (p *Problems) Error() string {
	var b strings.Builder
	for i, problem := range p.List {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(problem.Error())
	}
	if p.More > 0 {
		fmt.Fprintf(&b, "\nand %d more", p.More)
	}
	return b.String()
}

func (p *Problems) full() bool { return len(p.List) >= maxProblems }

// sort orders problems as people read: by file and place, then the environment's.
func (p *Problems) sort() {
	slices.SortStableFunc(p.List, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Env, b.Env), cmp.Compare(a.Pos.File, b.Pos.File),
			cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Column, b.Pos.Column))
	})
}

// add keeps a problem, once.
func (p *Problems) add(problem Problem) {
	switch {
	case slices.Contains(p.List, problem):
	case p.full():
		p.More++
	default:
		p.List = append(p.List, problem)
	}
}

// show makes a word from a file fit for a message: in backquotes, short, and nothing but printable characters.
func show(s string) string {
	const longest = 60
	if len(s) > longest {
		s = strings.ToValidUTF8(s[:longest], "") + "…"
	}
	quoted := strconv.Quote(s)
	return "`" + quoted[1:len(quoted)-1] + "`"
}
