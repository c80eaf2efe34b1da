package e2e

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"oneport/ice"
)

// client is one made by hand, for what no honest client does.
type client struct {
	publish     bool
	local       ice.Credentials
	remote      ice.Credentials // after join
	fingerprint string
	location    string
}

func handmade(publish bool) *client {
	return &client{
		publish: publish, local: ice.NewCredentials(rand.Reader),
		fingerprint: strings.TrimSuffix(strings.Repeat("00:", 32), ":"),
	}
}

// offer is the client's, of H264 and Opus.
func (c *client) offer() string {
	var b strings.Builder
	b.WriteString("v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n")
	direction := "recvonly"
	if c.publish {
		direction = "sendonly"
	}
	for mid, m := range []string{"audio 9 UDP/TLS/RTP/SAVPF 111", "video 9 UDP/TLS/RTP/SAVPF 102"} {
		fmt.Fprintf(&b, "m=%s\r\nc=IN IP4 0.0.0.0\r\na=mid:%d\r\na=%s\r\na=rtcp-mux\r\n", m, mid, direction)
		fmt.Fprintf(&b, "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\n", c.local.Ufrag, c.local.Pwd)
		fmt.Fprintf(&b, "a=fingerprint:sha-256 %s\r\na=setup:actpass\r\n", c.fingerprint)
		if mid == 0 {
			b.WriteString("a=rtpmap:111 opus/48000/2\r\n")
		} else {
			b.WriteString("a=rtpmap:102 H264/90000\r\na=rtcp-fb:102 nack pli\r\n" +
				"a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\n")
		}
	}
	return b.String()
}

var credential = regexp.MustCompile(`a=ice-(ufrag|pwd):(\S+)`)

// join posts the offer.
func (c *client) join(t testing.TB, s *server, stream string) {
	t.Helper()
	endpoint := "whep"
	if c.publish {
		endpoint = "whip"
	}
	status, header, answer := post(t, s.endpoint(endpoint, stream), c.offer())
	if status != http.StatusCreated {
		t.Fatalf("POST: %d %s", status, answer)
	}
	c.location = header.Get("Location")
	c.remote = credentialsIn(answer)
}

func credentialsIn(answer string) (c ice.Credentials) {
	for _, m := range credential.FindAllStringSubmatch(answer, -1) {
		if m[1] == "ufrag" {
			c.Ufrag = m[2]
		} else {
			c.Pwd = m[2]
		}
	}
	return c
}

// request is a Binding request of the client's, with everything right.
func (c *client) request(nominate bool) []byte {
	var id [12]byte
	_, _ = rand.Read(id[:])
	return ice.AppendRequest(nil, id, c.local, c.remote, 1<<30, nominate)
}

// connect opens a TCP connection and proves the client on it.
func (c *client) connect(t testing.TB, s *server) *wire {
	t.Helper()
	w := dialWire(t, s)
	w.send(t, c.request(true))
	if reply := w.receive(t); len(reply) < 20 || reply[0] != 1 || reply[1] != 1 {
		t.Fatalf("the answer to a Binding request is %x", reply)
	}
	return w
}

// wire is a TCP connection that speaks RFC 4571 frames. It is a net.PacketConn, for a DTLS library.
type wire struct {
	net.Conn
}

func dialWire(t testing.TB, s *server) *wire {
	t.Helper()
	conn, err := net.DialTimeout("tcp", s.addr, joinLimit)
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	return &wire{conn}
}

func (w *wire) send(t testing.TB, b []byte) {
	t.Helper()
	_, err := w.WriteTo(b, nil)
	must(t, err)
}

func (w *wire) receive(t testing.TB) []byte {
	t.Helper()
	must(t, w.SetReadDeadline(time.Now().Add(joinLimit)))
	b := make([]byte, ice.MaxFrame)
	n, _, err := w.ReadFrom(b)
	must(t, err)
	return b[:n]
}

func (w *wire) WriteTo(b []byte, _ net.Addr) (int, error) {
	_, err := w.Write(ice.AppendFrame(nil, b))
	return len(b), err
}

func (w *wire) ReadFrom(b []byte) (int, net.Addr, error) {
	var head [2]byte
	if _, err := io.ReadFull(w, head[:]); err != nil {
		return 0, nil, err
	}
	frame := make([]byte, binary.BigEndian.Uint16(head[:]))
	if _, err := io.ReadFull(w, frame); err != nil {
		return 0, nil, err
	}
	return copy(b, frame), w.RemoteAddr(), nil
}

// awaitEnd waits until the server closes the connection, and tells how long that took.
func (w *wire) awaitEnd(t testing.TB, within time.Duration) time.Duration {
	t.Helper()
	began := time.Now()
	must(t, w.SetReadDeadline(began.Add(within)))
	_, err := io.Copy(io.Discard, w.Conn)
	if e, ok := err.(net.Error); ok && e.Timeout() {
		t.Fatalf("the connection is still open after %v", within)
	}
	return time.Since(began)
}
