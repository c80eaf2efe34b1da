package e2e

import (
	"bytes"
	"net"
	"slices"
	"testing"
	"time"

	"oneport/ice"
)

// badChecks are Binding requests that must lead to nothing.
func badChecks(c *client) map[string][]byte {
	stranger := *c
	stranger.remote.Pwd = "not-the-password-of-this-session"
	unknown := *c
	unknown.remote.Ufrag = "nobody00"
	whole := c.request(true)
	flipped := slices.Clone(whole)
	flipped[len(flipped)-5] ^= 1
	return map[string][]byte{
		"wrong integrity": stranger.request(true),
		"unknown ufrag":   unknown.request(true),
		"truncated":       whole[:len(whole)-9],
		"header alone":    whole[:20],
		"one bit flipped": flipped,
		"srtp":            bytes.Repeat([]byte{0x80}, 60),
		"dtls":            append([]byte{22, 254, 253}, make([]byte, 60)...),
	}
}

// A publisher that dials again, as Firefox does, may send seconds of media before its first check on the new connection.
func TestMediaBeforeTheCheck(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := handmade(true)
	c.join(t, s, "redialled")
	w := dialWire(t, s)
	srtp := append([]byte{0x80, 102}, make([]byte, 1100)...)
	for range 1300 { // 5 s of 2.5 Mbit/s
		w.send(t, srtp)
	}
	w.send(t, c.request(true))
	if reply := w.receive(t); len(reply) < 20 || reply[0] != 1 || reply[1] != 1 {
		t.Fatalf("the answer to a Binding request is %x", reply)
	}
}

// What is no valid Binding request is dropped and counted, leaves nothing behind, and its connection ends at the deadline.
func TestStrangersTCP(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := handmade(false)
	c.join(t, s, "strangers")
	before, unrouted := s.footprint(), s.metric("oneport_datagrams_unrouted_total")
	wrong := *c // looks right, so that the connection is taken for one of ours
	wrong.remote.Pwd = "not-the-password-of-this-session"
	var wires []*wire
	for _, b := range badChecks(c) {
		w := dialWire(t, s)
		w.send(t, wrong.request(true))
		w.send(t, b)
		wires = append(wires, w)
	}
	for _, length := range []string{"\x00\x00", "\x05\xdd", "\xff\xff"} { // 0, 1501, 65535
		w := dialWire(t, s)
		w.send(t, wrong.request(true))
		_, err := w.Write([]byte(length + "some bytes that must not be read as a frame"))
		must(t, err)
		wires = append(wires, w)
	}
	for range 500 { // more of the same kind
		w := dialWire(t, s)
		w.send(t, wrong.request(true))
		wires = append(wires, w)
	}
	for _, client := range s.clients() {
		if client.Transport != "" {
			t.Errorf("the session has a path: %+v", client)
		}
	}
	for _, w := range wires {
		w.awaitEnd(t, sniffDeadline+slack)
	}
	if s.metric("oneport_datagrams_unrouted_total") == unrouted {
		t.Error("nothing was counted")
	}
	honest := handmade(false) // the first one's session may have ended in the meantime, for it never came
	honest.join(t, s, "strangers")
	honest.connect(t, s).Close()
	s.checkRecovers(t, before, slack)
}

// Over UDP, too. The answer to an honest request that follows is the only one that comes.
func TestStrangersUDP(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := handmade(false)
	c.join(t, s, "strangers")
	conn, err := net.Dial("udp", s.addr)
	must(t, err)
	defer conn.Close()
	unrouted := s.metric("oneport_datagrams_unrouted_total")
	for name, b := range badChecks(c) {
		for _, datagram := range [][]byte{b, {}, {0}, bytes.Repeat([]byte{0}, 1600)} {
			_, err := conn.Write(datagram)
			must(t, err)
		}
		honest := c.request(false)
		_, err = conn.Write(honest)
		must(t, err)
		must(t, conn.SetReadDeadline(time.Now().Add(joinLimit)))
		reply := make([]byte, ice.MaxFrame)
		n, err := conn.Read(reply)
		must(t, err)
		if n < 20 || !bytes.Equal(reply[8:20], honest[8:20]) {
			t.Errorf("%s was answered: %x", name, reply[:n])
		}
		// The next round comes from an address that nobody knows.
		conn.Close()
		conn, err = net.Dial("udp", s.addr)
		must(t, err)
	}
	if s.metric("oneport_datagrams_unrouted_total") == unrouted {
		t.Error("nothing was counted")
	}
}
