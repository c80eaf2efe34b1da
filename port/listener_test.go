package port

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
)

// TestHTTPServer serves requests, several on a connection, and lets a handler take a connection over.
func TestHTTPServer(t *testing.T) {
	l := HTTPListener()
	first := open(t, map[Kind]func(*Conn){HTTP: l.Handle}, Options{})
	second := open(t, map[Kind]func(*Conn){HTTP: l.Handle}, Options{})
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) })
	mux.HandleFunc("/hijack", func(w http.ResponseWriter, r *http.Request) {
		c, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		line, _ := rw.ReadString('\n')
		io.WriteString(c, "you said "+line)
	})
	server := &http.Server{Handler: mux}
	done := make(chan error)
	go func() { done <- server.Serve(l) }()

	for _, p := range []*Port{first, second, first} {
		c := dial(t, p)
		answers := bufio.NewReader(c)
		for range 2 {
			io.WriteString(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello")
			response, err := http.ReadResponse(answers, nil)
			if err != nil {
				t.Fatal(err)
			}
			if body, err := io.ReadAll(response.Body); err != nil || string(body) != "hello" {
				t.Errorf("%q, %v", body, err)
			}
		}
		io.WriteString(c, "GET /hijack HTTP/1.1\r\nHost: x\r\n\r\nsomething else\n")
		if line, err := answers.ReadString('\n'); err != nil || line != "you said something else\n" {
			t.Errorf("%q, %v", line, err)
		}
	}
	server.Close()
	if err := <-done; !errors.Is(err, http.ErrServerClosed) {
		t.Error(err)
	}
	late := dial(t, first)
	io.WriteString(late, "GET / HTTP/1.1\r\n\r\n")
	if b, _ := io.ReadAll(late); len(b) > 0 {
		t.Errorf("a closed server answers %q", b)
	}
}

func TestListenerIsBounded(t *testing.T) {
	l := HTTPListener()
	var clients []net.Conn
	for range waiting + 2 {
		client, server := net.Pipe()
		clients = append(clients, client)
		l.Handle(&Conn{Conn: server})
	}
	if l.Refused() != 2 {
		t.Errorf("%d refused", l.Refused())
	}
	if c, err := l.Accept(); err != nil {
		t.Error(err)
	} else {
		c.Close()
	}
	l.Close()
	l.Close()
	for _, c := range clients {
		ended(t, c)
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
}

// TestSniffAgain is what a handler does behind a header that it has read itself.
func TestSniffAgain(t *testing.T) {
	client, server := net.Pipe()
	go io.WriteString(client, "PROXY UNKNOWN\r\nGET /")
	c := &Conn{Conn: server}
	if kind, err := c.Sniff(); kind != Proxy || err != nil {
		t.Fatal(kind, err)
	}
	header := make([]byte, len("PROXY UNKNOWN\r\n"))
	if _, err := io.ReadFull(c, header); err != nil {
		t.Fatal(err)
	}
	if kind, err := c.Sniff(); kind != HTTP || err != nil {
		t.Fatal(kind, err)
	}
	rest := make([]byte, 5)
	if _, err := io.ReadFull(c, rest); err != nil || string(rest) != "GET /" {
		t.Errorf("%q, %v", rest, err)
	}
	client.Close()
	if kind, err := c.Sniff(); kind != Unknown || !errors.Is(err, io.EOF) {
		t.Error(kind, err)
	}
}
