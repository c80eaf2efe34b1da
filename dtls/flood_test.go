package dtls

import (
	"encoding/binary"
	"errors"
	"testing"
	"testing/synctest"
)

// hello captures the ClientHello of a client that then falls silent.
func hello(t testing.TB) []byte {
	t.Helper()
	server, client := ends(t)
	said := make(chan struct{}, 100)
	client.hs.config.Wake = func() { said <- struct{}{} }
	client.Start()
	<-said
	out := client.Outgoing()
	client.Destroy()
	client.Wait()
	server.Destroy()
	if len(out) == 0 {
		t.Fatal("the client said nothing")
	}
	return out[0]
}

// renumbered is a datagram with another record sequence number, so that it is not taken for a replay.
func renumbered(b []byte, n uint32) []byte {
	b = append([]byte(nil), b...)
	binary.BigEndian.PutUint32(b[7:], n)
	return b
}

func TestNothingRunsBeforeAHello(t *testing.T) {
	server, client := ends(t)
	for _, b := range [][]byte{
		nil, {0, 1}, {20}, {22, 0xfe, 0xfd}, make([]byte, 1000), make([]byte, 100_000),
		{typeAlert, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, alertFatal, 40},
	} {
		server.Receive(b)
		client.Receive(b)
	}
	for _, c := range []*Conn{server, client} {
		expectState(t, "it", c, New)
		if c.done != nil || c.Stats().Ignored != 7 {
			t.Fatalf("a goroutine runs or datagrams were not counted: %+v", c.Stats())
		}
	}
}

func TestHelloFloodIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, _ := ends(t)
		b := hello(t)
		sent := 0
		for ; server.State() < Closed && sent < 100_000; sent++ {
			server.Receive(renumbered(b, uint32(sent)))
			if sent%queueLen == 0 {
				synctest.Wait()
			}
		}
		server.Wait()
		expectState(t, "server", server, Failed)
		if !errors.Is(server.Err(), ErrFlood) || sent*len(b) > maxAdmitted+len(b) {
			t.Fatalf("server says %v after %d bytes", server.Err(), sent*len(b))
		}
		answered := 0
		for _, b := range server.Outgoing() {
			answered += len(b)
		}
		if answered > 4096 {
			t.Fatalf("the flood was answered with %d bytes", answered)
		}
		if n := testing.AllocsPerRun(100, func() { server.Receive(b) }); n > 0 {
			t.Fatalf("a datagram after the end costs %v allocations", n)
		}
	})
}

func TestQueueIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, _ := ends(t)
		b := hello(t)
		block := make(chan struct{})
		server.hs.config.Wake = func() { <-block } // The handshake comes no further than its first answer.
		server.Receive(b)
		synctest.Wait()
		for i := range uint32(3 * queueLen) {
			server.Receive(renumbered(b, 100+i))
		}
		if got := server.Stats().ReceiveDropped; got < queueLen {
			t.Fatalf("%d datagrams were dropped", got)
		}
		server.Destroy()
		close(block)
		server.Wait()
	})
}

// split cuts a fuzzer's bytes into datagrams, each behind its length.
func split(b []byte) [][]byte {
	var out [][]byte
	for len(b) > 2 && len(out) < 64 {
		n := min(int(binary.BigEndian.Uint16(b)), len(b)-2)
		out = append(out, b[2:2+n])
		b = b[2+n:]
	}
	return out
}

func joined(datagrams ...[]byte) []byte {
	var b []byte
	for _, d := range datagrams {
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(d))), d...)
	}
	return b
}

func FuzzReceiveByServer(f *testing.F) {
	b := hello(f)
	f.Add(joined(b))
	f.Add(joined(b, renumbered(b, 1), []byte{typeAlert, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 2, 0, 2, alertFatal, 40}))
	f.Add(joined(b, []byte{typeChangeCipherSpec, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1, 1}))
	f.Add(joined(b[:40], b[40:]))
	f.Add(joined([]byte{typeHandshake, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 13, msgClientHello, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0, 1, 0}))
	sc, _ := configs(f)
	f.Fuzz(func(t *testing.T, input []byte) {
		server, err := NewServer(sc)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range split(input) {
			server.Receive(d)
			if n := len(server.Outgoing()); n > maxOutgoing {
				t.Fatalf("%d datagrams wait", n)
			}
		}
		if server.State() == Connected {
			t.Fatal("connected without a certificate")
		}
		server.Destroy()
		server.Wait()
	})
}

func FuzzReceiveAfterHandshake(f *testing.F) {
	a, _ := mirrored()
	for _, m := range [][]byte{{alertWarning, alertCloseNotify}, make([]byte, finishedLen)} {
		r, err := a.seal(typeAlert, m)
		if err != nil {
			f.Fatal(err)
		}
		r[len(r)-1] ^= 1
		f.Add([]byte(r))
		r[0] = typeHandshake
		f.Add([]byte(r))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		_, p := mirrored()
		c := &Conn{state: Connected, est: &established{protection: *p, last: []byte{1}}}
		if c.Receive(b) || c.State() != Connected || len(c.Outgoing()) > 0 {
			t.Fatalf("%x had an effect", b)
		}
	})
}
