package port

import (
	"bytes"
	"errors"
	"net"
	"slices"
	"testing"
)

// writes is a connection that keeps what is written to it, write by write.
type writes struct {
	net.Conn
	list [][]byte
	err  error
}

func (w *writes) Write(b []byte) (int, error) {
	w.list = append(w.list, bytes.Clone(b))
	return len(b), w.err
}

// What is written while a connection is corked goes out in one write, in order, and what comes before and after by itself.
func TestCork(t *testing.T) {
	below := &writes{}
	c := &Conn{Conn: below}
	write := func(text string) {
		if n, err := c.Write([]byte(text)); n != len(text) || err != nil {
			t.Errorf("%q: %d, %v", text, n, err)
		}
	}
	write("a")
	c.Cork(make([]byte, 5, 8))
	write("bcd")
	write("efghijkl")
	if len(below.list) != 1 {
		t.Errorf("%q was written though it is corked", below.list)
	}
	buf, err := c.Uncork()
	write("m")
	if want := [][]byte{[]byte("a"), []byte("bcdefghijkl"), []byte("m")}; err != nil || !slices.EqualFunc(below.list, want, bytes.Equal) {
		t.Errorf("written: %q, %v", below.list, err)
	}
	if cap(buf) < 11 {
		t.Errorf("the buffer that has grown is not returned: %d", cap(buf))
	}
	c.Cork(buf)
	if buf, err = c.Uncork(); err != nil || len(below.list) != 3 || buf == nil {
		t.Errorf("nothing held, yet %d writes, %v", len(below.list), err)
	}
	below.err = net.ErrClosed
	c.Cork(buf)
	write("n")
	if _, err := c.Uncork(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the error of the write is %v", err)
	}
}
