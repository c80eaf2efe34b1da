package server

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"oneport/ice"
)

// tcpPair is a connection with small buffers.
func tcpPair(t *testing.T) (server, client *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dialled := make(chan *net.TCPConn, 1)
	go func() {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Error(err)
			dialled <- nil
			return
		}
		dialled <- c.(*net.TCPConn)
	}()
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	server, client = accepted.(*net.TCPConn), <-dialled
	if client == nil {
		t.FailNow()
	}
	server.SetWriteBuffer(8 << 10)
	client.SetReadBuffer(16 << 10)
	t.Cleanup(func() { server.Close(); client.Close() })
	return server, client
}

// linkOn is a link that writes to conn.
func linkOn(t *testing.T, conn *net.TCPConn) (*tcpLink, *sync.WaitGroup) {
	t.Helper()
	sock, err := newSocket(conn)
	if err != nil {
		t.Fatal(err)
	}
	var tasks sync.WaitGroup
	return &tcpLink{conn: conn, sock: sock, drop: new(atomic.Uint64), wake: func() {}, dead: patience, last: patience, tasks: &tasks}, &tasks
}

// numbered is a frame of a source, with a number in it and a body that follows from both.
func numbered(source byte, number uint32, size int) []byte {
	b := []byte{source}
	b = binary.BigEndian.AppendUint32(b, number)
	for len(b) < size {
		b = append(b, source+byte(len(b))+byte(number))
	}
	return b
}

// Whatever the socket takes at a time, frames arrive whole and in the order of their source: batches completely,
// feedback but for what was dropped and counted.
func TestPartialWrites(t *testing.T) {
	t.Parallel()
	server, client := tcpPair(t)
	l, tasks := linkOn(t, server)
	room := make(chan struct{}, 1)
	var flushed atomic.Int32
	l.wake = func() {
		flushed.Add(1)
		select {
		case room <- struct{}{}:
		default:
		}
	}
	const batches, perBatch, feedbackSources, feedback = 100, 20, 4, 1500
	var senders sync.WaitGroup
	senders.Go(func() {
		for i := range batches {
			var batch []byte
			for j := range perBatch {
				batch = ice.AppendFrame(batch, numbered(0, uint32(i*perBatch+j), 1200+j))
			}
			for l.full() {
				<-room
			}
			l.send(batch)
		}
	})
	for source := range feedbackSources {
		senders.Go(func() {
			for i := range feedback {
				l.insist(ice.AppendFrame(nil, numbered(byte(source+1), uint32(i), 60+i%900)))
			}
		})
	}
	go func() {
		senders.Wait()
		tasks.Wait()
		server.CloseWrite()
	}()
	next := make(map[byte]uint32)
	got := make(map[byte]int)
	reader := frameReader{conn: &slowConn{Conn: client, rng: rand.New(rand.NewPCG(1, 2))}, buf: make([]byte, 0, readBuffer)}
	for {
		frame, err := reader.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		source, number := frame[0], binary.BigEndian.Uint32(frame[1:])
		if !bytes.Equal(frame, numbered(source, number, len(frame))) {
			t.Fatalf("frame %d of source %d is broken", number, source)
		}
		if number < next[source] || source == 0 && number != next[source] {
			t.Fatalf("frame %d of source %d, expected %d", number, source, next[source])
		}
		next[source] = number + 1
		got[source]++
	}
	if got[0] != batches*perBatch {
		t.Errorf("%d of %d frames of the batches", got[0], batches*perBatch)
	}
	arrived := 0
	for source := range feedbackSources {
		arrived += got[byte(source+1)]
	}
	if dropped := int(l.drop.Load()); arrived+dropped != feedbackSources*feedback {
		t.Errorf("%d frames of feedback arrived and %d were dropped, of %d", arrived, dropped, feedbackSources*feedback)
	}
	if flushed.Load() < 10 {
		t.Errorf("the connection was full %d times only: nothing was tested", flushed.Load())
	}
	if len(reader.rest) > 0 {
		t.Errorf("%d bytes of half a frame at the end", len(reader.rest))
	}
}

// slowConn reads little at a time and pauses now and then.
type slowConn struct {
	net.Conn
	rng *rand.Rand
}

func (c *slowConn) Read(b []byte) (int, error) {
	if c.rng.IntN(200) == 0 {
		time.Sleep(time.Millisecond)
	}
	return c.Conn.Read(b[:min(len(b), 1+c.rng.IntN(3000))])
}

// stuff fills a connection until the link is full.
func stuff(t *testing.T, l *tcpLink) {
	t.Helper()
	batch := ice.AppendFrame(nil, make([]byte, 1400))
	for i := 0; !l.full(); i++ {
		if i > 1<<16 {
			t.Fatal("the connection takes everything")
		}
		l.send(batch)
	}
}

// What waits behind a full connection is bounded: feedback beyond it is dropped and counted.
func TestFeedbackBound(t *testing.T) {
	batch := ice.AppendFrame(nil, make([]byte, 1400))
	l := &tcpLink{rest: batch, flushing: true, drop: new(atomic.Uint64)} // of a connection that takes nothing: a kernel's may take some more
	frame := ice.AppendFrame(nil, make([]byte, 1000))
	const tries = 1000
	for range tries {
		l.insist(frame)
	}
	grown := len(l.rest) - len(batch)
	if grown > maxInsisted || grown < maxInsisted-len(frame) {
		t.Errorf("%d bytes of feedback wait, the bound is %d", grown, maxInsisted)
	}
	if want := uint64(tries - maxInsisted/len(frame)); l.drop.Load() != want {
		t.Errorf("%d dropped, want %d", l.drop.Load(), want)
	}
}

// A link that was closed while it was full has no room, and takes nothing more.
func TestClosedLink(t *testing.T) {
	server, client := tcpPair(t)
	l, tasks := linkOn(t, server)
	stuff(t, l)
	l.close(nil)
	go io.Copy(io.Discard, client)
	tasks.Wait()
	if !l.full() {
		t.Error("a closed link has room")
	}
	frame := ice.AppendFrame(nil, make([]byte, 1000))
	l.send(frame)
	l.insist(frame)
	l.close(nil)
	if len(l.rest) > 0 {
		t.Errorf("%d bytes wait that nobody sends", len(l.rest))
	}
}

// A client that takes nothing is given up at the deadline, and the goroutine that waited for it ends.
func TestDeadClient(t *testing.T) {
	server, client := tcpPair(t)
	l, tasks := linkOn(t, server)
	l.dead = 50 * time.Millisecond
	var woken atomic.Int32
	l.wake = func() { woken.Add(1) }
	frame := ice.AppendFrame(nil, make([]byte, 1400))
	until(t, "the end of a client that takes nothing", func() bool {
		for !l.full() {
			l.send(frame) // the kernel may take some more each time
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.closed
	})
	tasks.Wait()
	if woken.Load() > 100 {
		t.Errorf("the client had room %d times", woken.Load())
	}
	if _, err := server.Write([]byte{1}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the connection is still open: %v", err)
	}
	l.send(make([]byte, 10))
	client.Close()
}

// A client that reads again gets the rest, and the session is told that there is room.
func TestRoomAgain(t *testing.T) {
	server, client := tcpPair(t)
	l, tasks := linkOn(t, server)
	var told atomic.Int32 // perhaps more than once: the kernel may take some more by itself
	l.wake = func() { told.Add(1) }
	stuff(t, l)
	go io.Copy(io.Discard, client)
	tasks.Wait()
	if told.Load() == 0 {
		t.Error("nobody was told")
	}
	if l.full() {
		t.Error("still full")
	}
	l.insist(ice.AppendFrame(nil, []byte{1})) // the deadline of the flush does not hold any more
	server.Close()
}

// A client that is gone shows at the next write, and ends nothing but its own link.
func TestGoneClient(t *testing.T) {
	server, client := tcpPair(t)
	l, tasks := linkOn(t, server)
	client.SetLinger(0)
	client.Close()
	until(t, "the end", func() bool {
		l.send(ice.AppendFrame(nil, make([]byte, 1000)))
		return l.full()
	})
	tasks.Wait()
}

// A silent connection is closed after 45 s, and never before its session would be over for silence.
func TestIdleConnection(t *testing.T) {
	for timeout, want := range map[string]time.Duration{"10": idleDeadline, "30": idleDeadline, "60": 75 * time.Second, "120": 135 * time.Second} {
		c := configure(t, strings.NewReplacer("EXTRA", "", "rtc { enabled on;", "rtc { enabled on; stun_timeout "+timeout+";").Replace(bubbledText))
		synctest.Test(t, func(t *testing.T) {
			s := offline(t, c)
			client := joined(t, s, "whep", "")
			ours, theirs := net.Pipe()
			defer theirs.Close()
			l := &tcpLink{id: newWire(ice.TCP, 77).id, conn: ours, rest: []byte{0}, drop: new(atomic.Uint64)} // it has no socket
			go theirs.Write(ice.AppendFrame(nil, ice.AppendRequest(nil, [12]byte{9}, client.local, client.remote, 1, true)))
			reader := &frameReader{conn: ours, buf: make([]byte, 0, readBuffer)}
			sess := s.introduce(ours, reader, l)
			if sess == nil {
				t.Fatal("the connection is not known")
			}
			defer sess.unplug(l)
			began := time.Now()
			l.listen()
			var keeping sync.WaitGroup
			keeping.Go(func() { client.live(want) }) // by another connection
			defer keeping.Wait()
			if _, err := reader.next(); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) != want {
				t.Errorf("stun_timeout %s: after %v comes %v", timeout, time.Since(began), err)
			}
		})
	}
}

// oneByte is a connection that gives a byte at a time.
type oneByte struct {
	net.Conn
	r io.Reader
}

func (c oneByte) Read(b []byte) (int, error) { return c.r.Read(b) }

func TestFrameReader(t *testing.T) {
	long := bytes.Repeat([]byte{7}, ice.MaxFrame)
	var stream []byte
	var want [][]byte
	for i := range 50 {
		frame := long[:1+(i*331)%ice.MaxFrame]
		want = append(want, frame)
		stream = ice.AppendFrame(stream, frame)
	}
	for name, r := range map[string]io.Reader{
		"whole":        bytes.NewReader(stream),
		"byte by byte": iotest.OneByteReader(bytes.NewReader(stream)),
		"halves":       iotest.HalfReader(bytes.NewReader(stream)),
		"error beside": iotest.DataErrReader(bytes.NewReader(stream)),
	} {
		reader := frameReader{conn: oneByte{r: r}, buf: make([]byte, 0, readBuffer)}
		for i, w := range want {
			frame, err := reader.next()
			if err != nil || !bytes.Equal(frame, w) {
				t.Fatalf("%s: frame %d: %d bytes, want %d, %v", name, i, len(frame), len(w), err)
			}
		}
		if _, err := reader.next(); !errors.Is(err, io.EOF) {
			t.Errorf("%s: at the end: %v", name, err)
		}
	}
	for name, b := range map[string][]byte{"length 0": {0, 0, 1}, "length 1501": {5, 0xdd, 1}, "length 65535": {0xff, 0xff}} {
		reader := frameReader{conn: oneByte{r: bytes.NewReader(b)}, buf: make([]byte, 0, readBuffer)}
		if _, err := reader.next(); err == nil || errors.Is(err, io.EOF) {
			t.Errorf("%s: %v", name, err)
		}
	}
	reader := frameReader{conn: oneByte{r: bytes.NewReader(stream[:700])}, buf: make([]byte, 0, readBuffer)}
	var err error
	for err == nil {
		_, err = reader.next()
	}
	if !errors.Is(err, io.EOF) {
		t.Errorf("cut off: %v", err)
	}
}

// A connection has ten seconds, and a number of checks, to show a good one; nothing else is kept of it. Media costs no more than to
// read it, so it does not count: a publisher that dials again may send seconds of it first.
func TestIntroduce(t *testing.T) {
	c := bubbled(t, "")
	synctest.Test(t, func(t *testing.T) {
		s := offline(t, c)
		client := joined(t, s, "whep", "")
		check := func(local, remote ice.Credentials) []byte {
			return ice.AppendRequest(nil, [12]byte{9}, local, remote, 1, true)
		}
		good := check(client.local, client.remote)
		stranger := check(client.local, ice.Credentials{Ufrag: "stranger", Pwd: client.remote.Pwd})
		indication := []byte{0, 0x11, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}
		srtp := append([]byte{0x80, 102}, make([]byte, 1100)...)
		for _, test := range []struct {
			name    string
			frames  [][]byte
			known   bool
			closing bool // before the deadline
		}{
			{name: "nothing"},
			{name: "unknown ufrag", frames: [][]byte{stranger}},
			{name: "wrong integrity", frames: [][]byte{check(client.local, ice.Credentials{Ufrag: client.remote.Ufrag, Pwd: "wrongwrongwrongwrongwrong"})}},
			{name: "truncated", frames: [][]byte{good[:40], good[:20], good[:len(good)-1]}},
			{name: "media only", frames: repeat(srtp, 2600)},
			{name: "many checks that are no good", frames: repeat(stranger, strangerChecks-1)},
			{name: "too many of them", frames: repeat(stranger, strangerChecks), closing: true},
			{name: "too many indications", frames: repeat(indication, strangerChecks), closing: true},
			{name: "length 0", frames: [][]byte{{}}, closing: true},
			{name: "length 1501", frames: [][]byte{make([]byte, 1501)}, closing: true},
			{name: "media first, as Firefox may", frames: append(repeat(srtp, 2600), good), known: true},
			{name: "bad ones first", frames: append(repeat(stranger, strangerChecks-1), good), known: true},
			{name: "a good check", frames: [][]byte{good}, known: true},
		} {
			client.check(client.wire) // or the session would be over before the test is
			ours, theirs := net.Pipe()
			go io.Copy(io.Discard, theirs) // replies
			go func() {
				for _, f := range test.frames {
					framed := binary.BigEndian.AppendUint16(nil, uint16(len(f)))
					if _, err := theirs.Write(append(framed, f...)); err != nil {
						return
					}
				}
			}()
			began := time.Now()
			l := &tcpLink{id: newWire(ice.TCP, 77).id, conn: ours, rest: []byte{0}, drop: new(atomic.Uint64)} // it has no socket to reply to
			sess := s.introduce(ours, &frameReader{conn: ours, buf: make([]byte, 0, readBuffer)}, l)
			if got := sess != nil; got != test.known {
				t.Errorf("%s: known %v, want %v", test.name, got, test.known)
			}
			took := time.Since(began)
			if sess != nil {
				sess.unplug(l)
			}
			if want := !test.known && !test.closing; (took == strangerDeadline) != want {
				t.Errorf("%s: it took %v", test.name, took)
			}
			ours.Close()
			theirs.Close()
			synctest.Wait()
		}
	})
}

func repeat(b []byte, n int) (list [][]byte) {
	for range n {
		list = append(list, b)
	}
	return list
}
