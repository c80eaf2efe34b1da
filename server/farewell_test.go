package server

import (
	"bytes"
	"errors"
	"io"
	"sync/atomic"
	"testing"
	"time"

	"oneport/ice"
)

// A client whose connection is behind is told goodbye all the same, after the frame that was half-written and instead of those
// that wait behind it, even if there is no more room for feedback.
func TestGoodbyeOverAFullLink(t *testing.T) {
	t.Parallel()
	for range 20 {
		server, client := tcpPair(t)
		l, tasks := linkOn(t, server)
		batch := bytes.Repeat(ice.AppendFrame(nil, bytes.Repeat([]byte{7}, 1400)), 23)
		for !l.full() {
			l.send(batch)
		}
		for l.drop.Load() == 0 {
			l.insist(batch[:1402])
		}
		l.close(ice.AppendFrame(nil, []byte("goodbye")))
		l.close(ice.AppendFrame(nil, []byte("goodbye again")))
		l.mu.Lock()
		if len(l.rest) > 1402+9 {
			t.Errorf("%d bytes are to be sent before the end", len(l.rest))
		}
		l.mu.Unlock()
		reader := frameReader{conn: client, buf: make([]byte, 0, readBuffer)}
		var last []byte
		for {
			frame, err := reader.next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if last = bytes.Clone(frame); len(last) == 1400 && !bytes.Equal(last, batch[2:1402]) {
				t.Fatal("a frame is broken")
			}
		}
		if string(last) != "goodbye" || len(reader.rest) > 0 {
			t.Errorf("the last frame is %.20q, and %d bytes of one more", last, len(reader.rest))
		}
		tasks.Wait()
	}
}

// A client that takes nothing is not waited for longer than the farewell.
func TestGoodbyeToADeadClient(t *testing.T) {
	for _, last := range []time.Duration{10 * patience, farewell} {
		server, _ := tcpPair(t)
		l, tasks := linkOn(t, server)
		l.last, l.dead = last, 10*patience
		l.send(bytes.Repeat(ice.AppendFrame(nil, make([]byte, 1400)), 3000))
		l.mu.Lock()
		l.half = len(l.rest) // all of it is still to be sent: more than the buffers of both sides ever take
		if l.half < 1<<20 {
			t.Errorf("only %d bytes are left to send", l.half)
		}
		l.mu.Unlock()
		began := time.Now()
		l.close(ice.AppendFrame(nil, []byte("goodbye")))
		if took := time.Since(began); took > patience {
			t.Errorf("whoever ends it waits for %v", took)
		}
		if last > patience { // nobody waits for that: its time is up now
			server.SetDeadline(time.Now())
		}
		tasks.Wait()
		if took := time.Since(began); took > patience {
			t.Errorf("it is waited for %v", took)
		}
		if _, err := server.Write([]byte{1}); err == nil {
			t.Error("there could be more to say")
		}
	}
}

// Who waits for the goodbyes waits until the client has ended its part, or had its time to: what it still sends meanwhile is
// read, for a reset may cost it the goodbye.
func TestGoodbyeIsHeardOut(t *testing.T) {
	server, client := tcpPair(t)
	l, tasks := linkOn(t, server)
	l.heard = true
	var heard atomic.Uint64
	go func() {
		defer l.end()
		reader := frameReader{conn: server, buf: make([]byte, 0, readBuffer)}
		for {
			if _, err := reader.next(); err != nil {
				return
			}
			heard.Add(1)
		}
	}()
	l.close(ice.AppendFrame(nil, []byte("goodbye")))
	l.close(ice.AppendFrame(nil, []byte("goodbye again")))
	go func() {
		defer client.Close()
		io.Copy(io.Discard, client)
		for range 3 {
			if _, err := client.Write(ice.AppendFrame(nil, []byte("a check"))); err != nil {
				t.Error("reset while it said its last: ", err)
			}
		}
	}()
	tasks.Wait()
	if n := heard.Load(); n != 3 {
		t.Errorf("closed after %d of the 3 words that the client still said", n)
	}
	l.send([]byte("to nobody"))
	if !l.full() || !l.closing() {
		t.Error("it takes more after its end")
	}
}
