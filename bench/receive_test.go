package bench

import (
	"crypto/rand"
	"encoding/binary"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/srtp/v3"

	"oneport/ice"
)

// viewerOn makes a client that counts what comes over TCP, past all signalling, and the other end of its connection.
func viewerOn(tb testing.TB) (*Client, net.Conn) {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer listener.Close()
	c, err := newClient("http://127.0.0.1/", ClientOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	c.answer = &answer{video: track{pt: 102}}
	c.checks = &checks{local: ice.NewCredentials(rand.Reader), remote: ice.NewCredentials(rand.Reader), waiting: make(map[transaction]chan<- error)}
	host, port, _ := net.SplitHostPort(listener.Addr().String())
	if _, err := c.dial(tb.Context(), candidate{network: "tcp", host: host, port: port}); err != nil {
		tb.Fatal(err)
	}
	conn, err := listener.Accept()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		conn.Close()
		c.Kill()
	})
	return c, conn
}

// packets appends framed RTP packets, as a server would.
func packets(b []byte, seq *uint16, n, size int) []byte {
	var room [1500]byte
	packet := room[:size]
	packet[0], packet[1] = 0x80, 102
	for range n {
		binary.BigEndian.PutUint16(packet[2:], *seq)
		*seq++
		b = ice.AppendFrame(b, packet)
	}
	return b
}

// Frames split at any place are put together again.
func TestStreamInPieces(t *testing.T) {
	c, conn := viewerOn(t)
	var seq uint16
	stream := packets(nil, &seq, 50, 900)
	for at, step := 0, 1; at < len(stream); step = step*3%1999 + 1 {
		n := min(step, len(stream)-at)
		if _, err := conn.Write(stream[at : at+n]); err != nil {
			t.Fatal(err)
		}
		at += n
	}
	until(t, "50 packets", func() bool { return c.Stats().Packets == 50 })
	if s := c.Stats(); s.Gaps != 0 || s.Bytes != 50*900 {
		t.Errorf("%d gaps, %d bytes", s.Gaps, s.Bytes)
	}
	// Without framing nothing can be understood any more.
	if _, err := conn.Write([]byte{0, 0}); err != nil {
		t.Fatal(err)
	}
	until(t, "end of the connection", func() bool { return c.Err() != nil })
}

// What had been read when a stall began counts after it.
func TestStallHoldsWhatWasRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := newClient("http://127.0.0.1/", ClientOptions{shared: &shared{identity: new(identity)}})
		if err != nil {
			t.Fatal(err)
		}
		c.answer = &answer{video: track{pt: 102}}
		conn, server := net.Pipe()
		defer conn.Close()
		defer server.Close()
		var seq uint16
		taken := packets(nil, &seq, 5, 900)
		p := &path{network: "tcp", conn: conn, client: c, buf: &taken, ends: []int{len(taken)}}
		c.Stall(true)
		delivered := make(chan error, 1)
		go func() { delivered <- p.deliver() }()
		synctest.Wait()
		if n := c.Stats().Packets; n != 0 {
			t.Errorf("%d packets came during the stall", n)
		}
		c.Stall(false)
		if err := <-delivered; err != nil {
			t.Error(err)
		}
		if n := c.Stats().Packets; n != 5 {
			t.Errorf("%d packets came after the stall, want 5", n)
		}
	})
}

// A callback may cut the connection that it is called from.
func TestCutFromCallback(t *testing.T) {
	c, conn := viewerOn(t)
	c.links.mu.Lock()
	p := c.links.open[0]
	c.links.mu.Unlock()
	c.links.nominate(p)
	c.opt.OnRTP = func(Header, []byte, time.Time) { _ = c.Cut(true) }
	c.rx.Lock()
	c.rx.decrypt = true
	c.rx.Unlock()
	context, err := srtp.CreateContext(make([]byte, 16), make([]byte, 12), srtp.ProtectionProfileAeadAes128Gcm)
	if err != nil {
		t.Fatal(err)
	}
	c.secured(&association{recv: context})
	sealed, err := context.EncryptRTP(nil, []byte{0x80, 102, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 'x'}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(ice.AppendFrame(nil, sealed)); err != nil {
		t.Fatal(err)
	}
	within(t, "end of the reader", p.done)
}

// No datagram, before or after the handshake, does harm.
func FuzzReceive(f *testing.F) {
	id, request := (&checks{}).request("udp", true)
	f.Add(true, request)
	f.Add(true, append([]byte{1, 1, 0, 0}, id[:]...))
	f.Add(false, []byte{22, 0xfe, 0xfd})
	f.Add(true, []byte{21, 0xfe, 0xfd})
	f.Add(true, append([]byte{0xbf, 0xff}, make([]byte, 40)...))
	f.Add(true, append([]byte{0x80, 200}, make([]byte, 40)...))
	f.Add(false, append([]byte{0x80, 102}, make([]byte, 10)...))
	identity := &shared{identity: new(identity)}
	f.Fuzz(func(t *testing.T, keys bool, b []byte) {
		c, err := newClient("http://h/", ClientOptions{Verify: true, shared: identity})
		if err != nil || len(b) == 0 {
			return
		}
		c.answer = &answer{video: track{pt: 102}, audio: track{pt: 111}}
		c.checks = &checks{local: ice.Credentials{Ufrag: "u", Pwd: "p"}, waiting: make(map[transaction]chan<- error)}
		c.checks.expect(id, make(chan error))
		if keys {
			recv, err := srtp.CreateContext(make([]byte, 16), make([]byte, 12), srtp.ProtectionProfileAeadAes128Gcm)
			if err != nil {
				t.Fatal(err)
			}
			c.secured(&association{recv: recv})
		}
		c.rx.Lock()
		defer c.rx.Unlock()
		c.receive(nil, b, time.Now())
	})
}

// What comes before the keys is kept, up to a bound, and handed on in order once they are there.
func TestEarlyPackets(t *testing.T) {
	const sent = mostEarly + 10
	var got []uint16
	c, err := newClient("http://h/", ClientOptions{OnRTP: func(h Header, _ []byte, _ time.Time) { got = append(got, h.Sequence) }})
	if err != nil {
		t.Fatal(err)
	}
	c.answer = &answer{video: track{pt: 102}}
	context := func() *srtp.Context {
		s, err := srtp.CreateContext(make([]byte, 16), make([]byte, 12), srtp.ProtectionProfileAeadAes128Gcm)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	server := context()
	for seq := range uint16(sent) {
		plain := []byte{0x80, 102, byte(seq >> 8), byte(seq), 0, 0, 0, 0, 0, 0, 0, 1, 'x'}
		sealed, err := server.EncryptRTP(nil, plain, nil)
		if err != nil {
			t.Fatal(err)
		}
		if seq == sent-1 {
			c.secured(&association{recv: context()})
		}
		c.rx.Lock()
		c.receive(nil, sealed, time.Now())
		c.rx.Unlock()
	}
	if len(got) != mostEarly+1 || got[0] != 0 || got[mostEarly-1] != mostEarly-1 || got[mostEarly] != sent-1 {
		t.Errorf("%d packets: %v", len(got), got)
	}
	if s := c.Stats(); s.Packets != sent || s.Gaps != 0 || s.Wrong != 0 {
		t.Errorf("%d packets, %d gaps, %d wrong", s.Packets, s.Gaps, s.Wrong)
	}
}

// BenchmarkViewer is the whole cost of a received packet: 11 of them in a frame, one write each frame; the writes are in it.
func BenchmarkViewer(b *testing.B) {
	c, conn := viewerOn(b)
	const n = 11
	var seq uint16
	frame := packets(nil, &seq, n, 1160)
	b.SetBytes(1160)
	b.ReportAllocs()
	for i := 0; i < b.N; i += n {
		frame = packets(frame[:0], &seq, n, 1160)
		if _, err := conn.Write(frame); err != nil {
			b.Fatal(err)
		}
	}
	for c.Stats().Packets < uint64(b.N) {
		time.Sleep(100 * time.Microsecond)
	}
}

// BenchmarkCount is what the generator itself adds to a packet, without the kernel.
func BenchmarkCount(b *testing.B) {
	c, _ := viewerOn(b)
	var seq uint16
	frame := packets(nil, &seq, 1, 1160)[2:]
	at := time.Now()
	c.rx.Lock()
	defer c.rx.Unlock()
	b.ReportAllocs()
	for b.Loop() {
		binary.BigEndian.PutUint16(frame[2:], seq)
		seq++
		c.receive(nil, frame, at)
	}
}
