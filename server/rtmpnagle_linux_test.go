package server

import (
	"net"
	"testing"

	"golang.org/x/sys/unix"

	"oneport/port"
)

// A client that leaves Nagle's algorithm on, as ffmpeg does, sends a second small piece when the first is acknowledged. A kernel that
// has seen a talk to and fro waits 40 ms with that, for something to send with it; while RTMP greets it is to wait for nothing.
func TestRTMPAcknowledgesAtOnce(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	client, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	accepted, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer accepted.Close()
	c := &rtmpConn{Conn: &port.Conn{Conn: accepted}}
	c.allow(writePatience)
	talk := func() (atOnce int) {
		t.Helper()
		b := make([]byte, 1)
		for _, step := range []func([]byte) (int, error){client.Write, c.Read, c.Write, client.Read} {
			if _, err := step(b); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := client.Write(b); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Read(b); err != nil {
			t.Fatal(err)
		}
		raw, err := c.TCP().SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		raw.Control(func(fd uintptr) { atOnce, err = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK) })
		if err != nil {
			t.Fatal(err)
		}
		return atOnce
	}
	until(t, "a kernel that waits", func() bool { return talk() == 0 })
	c.greeting = true
	if talk() == 0 {
		t.Error("the kernel waits with acknowledgements while RTMP greets")
	}
}
