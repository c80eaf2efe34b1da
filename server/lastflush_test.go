package server

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener of connections that hold nothing: who writes waits until the other side reads.
type pipes struct {
	conns chan net.Conn
	once  sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	c, ok := <-p.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.conns) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// pipeTo is a client's connection to a server that listens nowhere.
func pipeTo(t *testing.T, s *Server) net.Conn {
	t.Helper()
	listener := &pipes{conns: make(chan net.Conn, 1)}
	site := s.httpServer(httpPlan{api: true, pages: true}, "")
	s.tasks.Go(func() { site.Serve(listener) })
	client, conn := net.Pipe()
	t.Cleanup(func() { client.Close(); site.Close() })
	listener.conns <- conn
	return client
}

// A client that reads no more, when package http has the last of a response to send or before, is given writePatience, not more:
// its connection is closed then, and nobody waits for it.
func TestClientsThatReadNoMore(t *testing.T) {
	for name, test := range map[string]struct {
		path  string
		reads bool          // the beginning of the response
		lasts time.Duration // from there on to the end
	}{
		"a playlist":           {path: "/live/x.m3u8"},
		"the head of a stream": {path: "/live/nobody.flv"},
		"a segment":            {path: "/live/SEGMENT", reads: true},
		"the end of a stream":  {path: "/live/nobody.flv", reads: true, lasts: 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := offline(t, configure(t, withHLS("hls_ctx off;", "play { viewer_patience 5; }")))
				video, audio := h264AndAAC(t)
				f := synthesize(t, s, "x", video, audio)
				if _, err := s.segment(segmenterKey{name: streamName("x")}, f.in.conf); err != nil {
					t.Fatal(err)
				}
				for range 3 {
					f.feed(1)
					synctest.Wait()
				}
				segments := listed(text(t, local(s, http.MethodGet, "/live/x.m3u8", "")))
				path := strings.Replace(test.path, "SEGMENT", segments[0], 1)
				client := pipeTo(t, s)
				io.WriteString(client, "GET "+path+" HTTP/1.1\r\nHost: a\r\n\r\n")
				if test.reads {
					if res, err := http.ReadResponse(bufio.NewReader(client), nil); err != nil || res.StatusCode != http.StatusOK {
						t.Fatal(res, err)
					}
				}
				time.Sleep(test.lasts + writePatience + time.Second)
				synctest.Wait()
				if n, err := client.Read(make([]byte, 1)); n > 0 || !errors.Is(err, io.EOF) {
					t.Errorf("the server still waits: %d bytes, %v", n, err)
				}
			})
		})
	}
}
