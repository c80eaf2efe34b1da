package e2e

import (
	"bytes"
	"strconv"
	"strings"
	"sync"
)

// journal is the log of a server, line by line, in slog's text form.
type journal struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.Write(b)
}

func (j *journal) text() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.String()
}

// tail is the last n lines.
func (j *journal) tail(n int) string {
	lines := strings.Split(strings.TrimSpace(j.text()), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// entry is one line: its fields by name.
type entry map[string]string

func (j *journal) entries() []entry {
	var list []entry
	for line := range strings.Lines(j.text()) {
		list = append(list, parseEntry(strings.TrimSpace(line)))
	}
	return list
}

func parseEntry(line string) entry {
	e := entry{}
	for line != "" {
		key, rest, ok := strings.Cut(line, "=")
		if !ok {
			return e
		}
		value := rest
		if strings.HasPrefix(rest, `"`) {
			quoted, err := strconv.QuotedPrefix(rest)
			if err != nil {
				return e
			}
			value, _ = strconv.Unquote(quoted)
			rest = rest[len(quoted):]
		} else {
			value, _, _ = strings.Cut(rest, " ")
			rest = rest[len(value):]
		}
		e[key] = value
		line = strings.TrimPrefix(rest, " ")
	}
	return e
}

// find gives the entries whose fields hold these texts, given as name and text in turn.
func (j *journal) find(want ...string) []entry {
	var list []entry
	for _, e := range j.entries() {
		match := true
		for i := 0; i+1 < len(want); i += 2 {
			match = match && strings.Contains(e[want[i]], want[i+1])
		}
		if match {
			list = append(list, e)
		}
	}
	return list
}
