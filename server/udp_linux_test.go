package server

import (
	"net"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"oneport/ice"
)

func socketAt(t *testing.T, listen string) (*net.UDPConn, *datagrams) {
	t.Helper()
	addr, err := net.ResolveUDPAddr("udp", listen)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.ListenUDP("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	d, err := newDatagrams(conn)
	if err != nil {
		t.Fatal(err)
	}
	return conn, d
}

// Answers come from the address that was spoken to, even if it is not the one the kernel would choose; runs of equal
// datagrams and single ones arrive whole and in order.
func TestUDPAnswersFromTheAddressSpokenTo(t *testing.T) {
	for _, test := range []struct{ listen, speakTo string }{
		{":0", "127.0.0.2"}, {"0.0.0.0:0", "127.0.0.2"}, {":0", "127.0.0.1"}, {"127.0.0.3:0", "127.0.0.3"}, {":0", "::1"},
	} {
		conn, d := socketAt(t, test.listen)
		port := addrPort(conn.LocalAddr()).Port()
		client, err := net.Dial("udp", netip.AddrPortFrom(netip.MustParseAddr(test.speakTo), port).String())
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		if _, err := client.Write([]byte("hello")); err != nil {
			t.Fatal(err)
		}
		got, err := d.receive(make([]byte, 100), make([]byte, 128))
		if err != nil {
			t.Fatal(err)
		}
		if got.n != 5 || got.to != netip.MustParseAddr(test.speakTo) {
			t.Errorf("%v: %d bytes, sent to %v", test, got.n, got.to)
		}
		var frames []byte
		sizes := []int{700, 700, 700, 300, 900, 1200, 1200, 10, 10, 10, 20}
		for i, n := range sizes {
			b := make([]byte, n)
			b[0] = byte(i)
			frames = ice.AppendFrame(frames, b)
		}
		if lost := d.send(frames, got.to, got.from); lost != 0 {
			t.Errorf("%v: %d not taken", test, lost)
		}
		client.SetReadDeadline(time.Now().Add(patience))
		for i, want := range sizes {
			b := make([]byte, 2000)
			n, err := client.Read(b) // a connected socket takes nothing from elsewhere
			if err != nil || n != want || b[0] != byte(i) {
				t.Fatalf("%v: datagram %d: %d bytes of %d, number %d: %v", test, i, n, want, b[0], err)
			}
		}
	}
}

// A datagram that waited in the socket has the time of its arrival, not of its reading. The kernel begins with that a moment
// after it was asked to.
func TestUDPArrival(t *testing.T) {
	conn, d := socketAt(t, "127.0.0.1:0")
	client, err := net.Dial("udp", conn.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	until(t, "a time of arrival", func() bool {
		sent := time.Now()
		if _, err := client.Write([]byte("hello")); err != nil {
			t.Fatal(err)
		}
		written := time.Now()
		const wait = 30 * time.Millisecond
		for time.Since(written) < wait {
			runtime.Gosched()
		}
		got, err := d.receive(make([]byte, 100), make([]byte, 128))
		if err != nil {
			t.Fatal(err)
		}
		// The kernel's clock may be a little off ours.
		return got.at.After(sent.Add(-wait/3)) && got.at.Before(written.Add(wait/3))
	})
}
