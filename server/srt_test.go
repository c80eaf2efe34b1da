package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	gosrt "github.com/datarhei/gosrt"

	"oneport/config"
	"oneport/media"
	"oneport/ts"
)

// withSRT is allOnOne with SRT and with streams by HTTP; more is put into srt_server and into the virtual host.
func withSRT(server, vhost string) string {
	text := strings.Replace(withFLV(vhost), "http_remux {", "srt { enabled on; } http_remux {", 1)
	return text + "srt_server { enabled on; listen 127.0.0.1:PORT1; " + server + " }"
}

// dialSRT connects as a client. The library says its first word once, so what gets no answer is tried again.
func dialSRT(s *Server, streamID, passphrase string) (conn gosrt.Conn, err error) {
	c := gosrt.DefaultConfig()
	c.StreamId, c.Passphrase = streamID, passphrase
	c.ConnectionTimeout, c.PeerIdleTimeout = 20*time.Second, patience // who is given up may have been let in, and holds the stream then
	for range 10 {
		conn, err = gosrt.Dial("srt", s.srt.Addr().String(), c)
		if err == nil || !strings.Contains(err.Error(), "timeout") {
			break
		}
	}
	return conn, err
}

// publishSRT publishes a recording over and over at the speed it has, which its clock survives, until the test ends.
func publishSRT(t *testing.T, s *Server, streamID string) {
	t.Helper()
	recording, err := os.ReadFile("../ts/testdata/h264-aac.ts")
	if err != nil {
		t.Fatal(err)
	}
	conn, err := dialSRT(s, streamID, "")
	if err != nil {
		t.Fatal(err)
	}
	done, ended := make(chan struct{}), make(chan struct{})
	t.Cleanup(func() { close(done); <-ended })
	go func() {
		defer close(ended)
		defer conn.Close()
		tick := time.NewTicker(2 * time.Second / time.Duration(len(recording)/1316+1))
		defer tick.Stop()
		for b := recording; ; b = b[min(1316, len(b)):] {
			if len(b) == 0 {
				b = recording
			}
			if _, err := conn.Write(b[:min(1316, len(b))]); err != nil {
				return
			}
			select {
			case <-tick.C:
			case <-done:
				return
			}
		}
	}()
}

// collect reads a transport stream until it has so many pictures and frames of sound.
func collect(t *testing.T, r io.Reader, n int) (frames [media.Kinds][]*media.Frame) {
	t.Helper()
	var reader ts.Reader
	buf := make([]byte, 4096)
	for len(frames[media.Audio]) < n || len(frames[media.Video]) < n {
		m, err := r.Read(buf)
		if err != nil {
			t.Fatalf("after %d and %d frames: %v", len(frames[media.Audio]), len(frames[media.Video]), err)
		}
		for _, f := range reader.Read(time.Now(), nil, buf[:m]) {
			frames[f.Kind()] = append(frames[f.Kind()], f)
		}
	}
	if stats := reader.Stats(); stats.Malformed+stats.Unsynced+stats.Missing+stats.Jumps > 0 {
		t.Errorf("the stream is broken: %+v", stats)
	}
	if f := frames[media.Video][0]; !f.Key || f.Format.Codec != media.H264 || frames[media.Audio][0].Format.Codec != media.AAC {
		t.Errorf("it begins with %v, key %v", f.Format.Codec, f.Key)
	}
	return frames
}

// What is published by SRT is played by HTTP-FLV, HTTP-TS and SRT; a second publisher is told that the stream is busy.
func TestSRT(t *testing.T) {
	t.Parallel()
	s := open(t, configure(t, withSRT("", "")))
	waiting, err := dialSRT(s, "live/x", "")
	if err != nil {
		t.Fatal(err)
	}
	defer waiting.Close()
	publishSRT(t, s, "#!::r=live/x,m=publish")
	collect(t, waiting, 25)
	v := watch(t, base(s)+"/live/x.flv")
	checkStart(t, v, v.read(10))
	res := call(t, "GET", base(s)+"/live/x.ts", "")
	if got := res.Header.Get("Content-Type"); got != "video/MP2T" {
		t.Errorf("HTTP-TS is of type %q", got)
	}
	collect(t, res.Body, 25)
	sound, head := call(t, "GET", base(s)+"/live/x.aac", ""), make([]byte, 2)
	if _, err := io.ReadFull(sound.Body, head); err != nil || head[0] != 0xff || head[1] != 0xf1 {
		t.Errorf("bare AAC begins with %x, %v", head, err)
	}
	second, err := dialSRT(s, "#!::h=__defaultVhost__,r=live/x,m=request", "")
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	collect(t, second, 10)
	if _, err := dialSRT(s, "#!::r=live/x,m=publish", ""); err == nil || !strings.Contains(err.Error(), "1407") && !strings.Contains(strings.ToUpper(err.Error()), "REJ") {
		t.Errorf("a second publisher: %v", err)
	}
	body := text(t, call(t, "GET", base(s)+"/api/v1/clients/", ""))
	for _, kind := range []string{"srt-publish", "srt-play"} {
		if !strings.Contains(body, `"type":"`+kind+`"`) || !strings.Contains(body, `"transport":"udp"`) {
			t.Errorf("the API does not show %s: %s", kind, body)
		}
	}
}

// Who can't be served is refused, and the log says why.
func TestSRTRefusals(t *testing.T) {
	log := &lateLog{}
	told := func() string {
		log.mu.Lock()
		defer log.mu.Unlock()
		return log.buf.String()
	}
	text := withSRT("passphrase a-long-passphrase;", "") + "vhost off.example { srt { enabled off; } }"
	s, err := Open(configure(t, text), slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ id, secret, says string }{
		{"#!::m=publish", "a-long-passphrase", "names no stream"},
		{"#!::r=live/x,m=steal", "a-long-passphrase", "publish or request"},
		{"#!::r=live/x,m=publish", "another-passphrase", "passphrase is wrong"},
		{"#!::r=live/x,m=publish", "", "passphrase is set"},
		{"#!::h=off.example,r=live/x,m=publish", "a-long-passphrase", "srt.enabled is off"},
		{"#!::r=live/\x01,m=request", "a-long-passphrase", "control"},
	} {
		if conn, err := dialSRT(s, test.id, test.secret); err == nil {
			conn.Close()
			t.Errorf("%q is accepted", test.id)
		}
		until(t, test.says, func() bool { return strings.Contains(told(), test.says) })
	}
	s.Close()
	nothingLeft(t, s)
}

// A publisher that sends nothing is sent away, and its place is free for the next.
func TestSRTSilence(t *testing.T) {
	s := open(t, configure(t, withSRT("", "publish { firstpkt_timeout 300; }")))
	conn, err := dialSRT(s, "#!::r=live/x,m=publish", "")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Read(make([]byte, 1500)); !errors.Is(err, io.EOF) {
		t.Errorf("it ends with %v", err)
	}
	until(t, "the end of all", func() bool { return len(s.ingests.all()) == 0 })
}

// Close ends publishers and players, and leaves nothing.
func TestSRTClose(t *testing.T) {
	s, err := Open(configure(t, withSRT("", "")), logTo(t))
	if err != nil {
		t.Fatal(err)
	}
	publishSRT(t, s, "#!::r=live/x,m=publish")
	player, err := dialSRT(s, "live/x", "")
	if err != nil {
		t.Fatal(err)
	}
	defer player.Close()
	collect(t, player, 5)
	began := time.Now()
	s.Close()
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("Close took %v", took)
	}
	nothingLeft(t, s)
}

// A port that is taken is told by the setting that names it.
func TestSRTPortTaken(t *testing.T) {
	taken, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, port, _ := net.SplitHostPort(taken.LocalAddr().String())
	text := strings.Replace(withSRT("", ""), "PORT1", port, 1)
	if s, err := Open(configure(t, text), logTo(t)); err == nil || !strings.Contains(err.Error(), "srt_server.listen") {
		if err == nil {
			s.Close()
		}
		t.Errorf("%v", err)
	}
}

// What is no SRT, or never goes beyond its first word, leaves nothing behind.
func TestSRTStrangers(t *testing.T) {
	s := open(t, configure(t, withSRT("", "")))
	conn, err := net.Dial("udp", s.srt.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	induction := append([]byte{0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, make([]byte, 48)...)
	induction[19], induction[23], induction[39] = 4, 2, 1
	for i := range 1000 {
		fmt.Fprintf(conn, "garbage %d", i)
		conn.Write(induction[:i%len(induction)])
		conn.Write(bytes.Repeat([]byte{byte(i)}, 1+i%1400))
	}
	conn.Write(induction)
	cut := bytes.Clone(induction)                  // over this one the library panics
	copy(cut[36:], []byte{0xff, 0xff, 0xff, 0xff}) // a conclusion, with one byte of an extension
	until(t, "the panic that is survived", func() bool {
		conn.Write(append(cut, 7))
		return s.stats.strangers.Load() > 0
	})
	publishSRT(t, s, "#!::r=live/x,m=publish")
	until(t, "the publisher among them", func() bool { return len(s.ingests.all()) == 1 })
}

// Who may play what is published by SRT is decided by who publishes, from the first moment on: not by an SRT publisher that is
// still being taken in, or was refused, or was replaced.
func TestOnlyBySRTFollowsThePublisher(t *testing.T) {
	c := configure(t, strings.Replace(allOnOne, "rtc { enabled on; }", "srt { enabled on; srt_to_rtmp off; }", 1))
	s := offline(t, c)
	hub := s.hubs[config.DefaultVhost]
	name := streamName("x")
	check := func(when string, want bool) {
		t.Helper()
		if got := s.onlyBySRT(name); got != want {
			t.Errorf("%s: only by SRT: %v", when, got)
		}
	}
	begin := func(kind string) (*ingest, error) {
		i := &ingest{identity: identity{origin: origin{kind: kind}, id: kind, name: name}}
		i.ctx, i.cancel = context.WithCancelCause(t.Context())
		p, err := hub.PublishFrames(time.Now(), name, i)
		i.publication = p
		return i, err
	}
	check("nobody publishes", false)
	early, err := begin("srt-publish") // the server knows nothing of it yet
	if err != nil {
		t.Fatal(err)
	}
	check("an SRT publisher has just come", true)
	early.cancel(errGone)
	encoder, err := s.publishFrames(name, origin{kind: "fmle-publish"})
	if err != nil {
		t.Fatal(err)
	}
	defer encoder.end(errGone)
	check("an encoder has replaced it", false)
	early.publication.Close()
	late := &ingest{identity: identity{origin: origin{kind: "srt-publish"}, id: "late", name: name}}
	if err := s.ingests.add(late); err != nil {
		t.Fatal(err)
	}
	check("an SRT publisher is in the table, but not the stream's", false)
	s.ingests.remove(late)
	s.ingests.left.Done()
}
