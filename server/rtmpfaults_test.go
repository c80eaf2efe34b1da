package server

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"oneport/flv"
	"oneport/media"
)

// Whatever a client does wrong costs its own connection and is counted, and who publishes and plays beside it goes on.
func TestRTMPFaults(t *testing.T) {
	s := open(t, configure(t, withRTMP("")))
	p := publishing(t, s, "x")
	v := dialRTMP(t, addrOf(s), "live")
	v.play("x")
	v.frames(2)
	handshake := append([]byte{3}, make([]byte, 3072)...)
	for name, bytes := range map[string][]byte{
		"garbage behind the version":   append([]byte{3, 0, 0, 0, 0, 0, 0, 0, 0}, bytes.Repeat([]byte{0xa5}, 10_000)...),
		"garbage behind a handshake":   append(bytes.Clone(handshake), bytes.Repeat([]byte{0xa5}, 10_000)...),
		"a chunk size of 0":            append(bytes.Clone(handshake), 2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0, 0, 0, 0),
		"a message of 16 MB":           append(bytes.Clone(handshake), 3, 0, 0, 0, 255, 255, 255, 20, 0, 0, 0, 0, 1, 2, 3),
		"an AMF bomb":                  append(append(bytes.Clone(handshake), 3, 0, 0, 0, 0, 0, 121, 20, 0, 0, 0, 0), bytes.Repeat([]byte{3, 0, 1, 'a'}, 40)...),
		"nothing behind the beginning": {3, 0, 0, 0, 0, 0, 0, 0, 0},
	} {
		before := s.stats.strangers.Load()
		conn, err := net.Dial("tcp", addrOf(s))
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(patience))
		conn.Write(bytes)
		conn.(*net.TCPConn).CloseWrite()
		if _, err := io.Copy(io.Discard, conn); err != nil && !strings.Contains(err.Error(), "reset") {
			t.Errorf("%s: the connection stays: %v", name, err)
		}
		conn.Close()
		until(t, name+" is counted", func() bool { return s.stats.strangers.Load() == before+1 })
	}
	p.feed(2000, 10)
	v.frames(5)
}

// A chunk size of 2 GB is as good as any: nothing is allocated for it.
func TestRTMPHugeChunks(t *testing.T) {
	s := open(t, configure(t, withRTMP("")))
	c := dialRTMP(t, addrOf(s), "live")
	c.publish("x")
	c.message(1, 0, binary.BigEndian.AppendUint32(nil, 1<<31-1))
	c.out.SetChunkSize(1 << 24)
	c.configs(frameFormat(t, media.H264, testAVCC))
	big := append(bytes.Clone(pictureBody[:5]), 0, 0x0f, 0, 0, 0x65)
	c.send(flv.Tag{Type: flv.Video, Body: append(big, make([]byte, 0x0f0000-1)...)})
	until(t, "the great picture", func() bool { return s.ingests.all()[0].frames.Load() == 1 })
}

// ends waits for the one publisher's end, which the log tells the reason of.
func ends(t *testing.T, s *Server, c *rtmpClient) {
	t.Helper()
	if err := c.closed(); err != nil {
		t.Error(err)
	}
	until(t, "the publisher's end", func() bool { return len(s.ingests.all()) == 0 })
}

// A publisher that sends nothing, or stops in the middle of a message, is given up after the time that is set.
func TestRTMPSilence(t *testing.T) {
	s := open(t, configure(t, withRTMP("publish { firstpkt_timeout 300; normal_timeout 200; }")))
	c := dialRTMP(t, addrOf(s), "live")
	c.publish("x")
	ends(t, s, c)
	c = publishing(t, s, "x")
	c.conn.Write([]byte{4, 0, 0, 0, 0, 1, 0, 9, 1, 0, 0, 0, 0x17, 1}) // half a picture
	ends(t, s, c)
}

// A client publishes one stream, not two.
func TestRTMPPublishesOnce(t *testing.T) {
	s := open(t, configure(t, withRTMP("")))
	c := dialRTMP(t, addrOf(s), "live")
	c.publish("x")
	c.command("publish", 4, nil, "y", "live")
	if code, why := c.status(); code != "NetStream.Publish.BadName" || !strings.Contains(why, "already") {
		t.Errorf("publishing twice: %s: %s", code, why)
	}
	ends(t, s, c)
}

// Frames without their sequence header are left out and counted, so is what no codec is known for; metadata is not believed.
func TestRTMPNoParameters(t *testing.T) {
	s := open(t, configure(t, withRTMP("")))
	c := dialRTMP(t, addrOf(s), "live")
	c.publish("x")
	c.send(flv.MetadataTag(frameFormat(t, media.AAC, "1190"), &media.FrameFormat{Codec: media.H264, Width: 9999, Height: 1}, 0))
	c.feed(0, 5)
	c.send(flv.Tag{Type: flv.Audio, Time: 200, Body: []byte{0x2f, 1, 2, 3}}) // MP3
	c.send(flv.Tag{Type: flv.Video, Time: 200, Body: []byte{0x17, 0, 0, 0, 0, 1, 2}})
	i := s.ingests.all()[0]
	until(t, "what is left out", func() bool { return i.rejected.Load() == 12 })
	if n := i.frames.Load(); n != 0 {
		t.Errorf("%d frames without parameters", n)
	}
	c.configs(frameFormat(t, media.H264, testAVCC), frameFormat(t, media.AAC, testASC))
	c.feed(200, 5)
	v := dialRTMP(t, addrOf(s), "live")
	v.play("x")
	got := v.frames(2)
	if f := got[media.Video][0].Format; f.Width != 352 || got[media.Audio][0].Format.SampleRate != 44100 {
		t.Errorf("the picture is %d wide, the sound has %d Hz", f.Width, got[media.Audio][0].Format.SampleRate)
	}
}

// Times that jump ahead, go back and wrap make a timeline that does none of it.
func TestRTMPTimes(t *testing.T) {
	s := open(t, configure(t, withRTMP("")))
	p := publishing(t, s, "x")
	i := s.ingests.all()[0]
	until(t, "what is fed first", func() bool { return i.frames.Load() == 50 })
	v := dialRTMP(t, addrOf(s), "live")
	v.play("x")
	v.frames(4) // the last group of pictures, but for the end: the last sound goes along with the next picture
	last := 120 * time.Millisecond
	for _, from := range []uint32{1000, 3_000_000, 500, 1<<32 - 400, 1<<32 - 200, 0} {
		p.feed(from, 5)
		for range 10 {
			f, err := v.frame()
			if err != nil {
				t.Fatal(err)
			}
			if f.DTS < last-40*time.Millisecond || f.DTS > last+time.Second {
				t.Fatalf("behind %v comes %v, sent from %d ms on", last, f.DTS, from)
			}
			last = max(last, f.DTS)
		}
	}
	if n := i.rebased.Load(); n != 3 {
		t.Errorf("%d jumps were counted, there were 3", n)
	}
	if m := text(t, call(t, http.MethodGet, base(s)+"/metrics", "")); !strings.Contains(m, "oneport_timeline_jumps_total 3\n") {
		t.Error("the metrics do not tell of the jumps")
	}
}

// A player that stops reading delays neither the publisher nor another player, and can be kicked.
func TestRTMPStalledPlayer(t *testing.T) {
	t.Parallel()
	s := open(t, configure(t, withRTMP("")))
	p := publishing(t, s, "x")
	stalled := dialRTMP(t, addrOf(s), "live")
	stalled.play("x")
	v := dialRTMP(t, addrOf(s), "live")
	v.play("x")
	v.frames(2)
	big := append(bytes.Clone(pictureBody[:5]), 0, 0x03, 0, 0, 0x65)
	big = append(big, make([]byte, 0x030000-1)...)
	for i := range 100 { // 20 MB, more than sockets hold
		p.send(flv.Tag{Type: flv.Video, Time: 1000 + 40*uint32(i), Body: big})
		if f, err := v.frame(); err != nil || f == nil {
			t.Fatal(err)
		}
	}
	for _, viewer := range s.viewers.all() {
		viewer.cancel(errKicked)
	}
	until(t, "the end of both", func() bool { return len(s.viewers.all()) == 0 })
	p.feed(6000, 1)
}

// RTMP inside TLS shares a port with HTTPS; HTTP without ALPN is served there too, and knows that it is secure.
func TestRTMPS(t *testing.T) {
	dir := t.TempDir()
	secure := "https { enabled on; listen shared; key " + dir + "/key; cert " + dir + "/cert; }"
	text := strings.NewReplacer("http_api {", "http_api { "+secure, "http_server {", "http_server { "+secure).Replace(withRTMP(""))
	s := open(t, configure(t, text+"rtmps { enabled on; listen shared PORT1; key "+dir+"/key; cert "+dir+"/cert; }"))
	if len(s.ports) != 2 {
		t.Fatalf("there are %d ports", len(s.ports))
	}
	publishing(t, s, "x")
	over := func(port int) *tls.Conn {
		conn, err := tls.Dial("tcp", s.ports[port].Addr().String(), &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		conn.SetDeadline(time.Now().Add(patience))
		return conn
	}
	for port := range s.ports {
		v := rtmpOver(t, over(port), "live")
		if code, why := v.play("x"); code != "NetStream.Play.Start" {
			t.Fatalf("%s: %s", code, why)
		}
		v.frames(2)
	}
	plain := over(0)
	io.WriteString(plain, "GET /live/x.flv HTTP/1.0\r\nHost: a\r\n\r\n")
	answer := make([]byte, 15)
	if _, err := io.ReadFull(plain, answer); err != nil || string(answer) != "HTTP/1.0 200 OK" {
		t.Errorf("HTTP without ALPN is answered %q, %v", answer, err)
	}
	tcURL := ""
	for _, v := range s.viewers.all() {
		if v.kind == "flv-play" {
			tcURL = v.tcURL
		}
	}
	if tcURL != "https://a/live" {
		t.Errorf("it plays from %s", tcURL)
	}
	for port, says := range []string{"\x03\x00\x00\x00\x00\xff\xff\xff\xff\xff", "GET / HTTP/1.0\r\n\r\n"} {
		stranger := over(port)
		io.WriteString(stranger, says)
		if n, err := stranger.Read(make([]byte, 1)); n > 0 || err == nil {
			t.Errorf("%q is answered", says)
		}
	}
}

// More clients than max_connections allows are told so and closed.
func TestRTMPCap(t *testing.T) {
	s := open(t, configure(t, withRTMP("")+"max_connections 2;"))
	publishing(t, s, "x")
	dialRTMP(t, addrOf(s), "live").begin("x")
	for _, ask := range []func(*rtmpClient, string) (string, string){(*rtmpClient).play, (*rtmpClient).publish} {
		third := dialRTMP(t, addrOf(s), "live")
		if code, why := ask(third, "y"); !strings.Contains(why, "max_connections") || !strings.Contains(code, "Failed") && !strings.Contains(code, "BadName") {
			t.Errorf("a third client is answered %s: %s", code, why)
		}
		if err := third.closed(); err != nil {
			t.Error(err)
		}
	}
	if res := call(t, http.MethodGet, base(s)+"/live/x.flv", ""); res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a third by HTTP: %s", res.Status)
	}
}

// A client whose version nobody knows is served all the same.
func TestRTMPUnknownVersion(t *testing.T) {
	s := open(t, configure(t, withRTMP("")+"rtmp { listen PORT1; }"))
	for _, p := range s.ports {
		for _, version := range []string{"\x07\x01\x02\x03", "\x00\x00\x01\x00"} {
			conn, err := net.Dial("tcp", p.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { conn.Close() })
			conn.SetDeadline(time.Now().Add(patience))
			io.WriteString(conn, "\x03\x01\x00\x00\x00"+version)
			conn.Write(make([]byte, 1536-8))
			if _, err := io.ReadFull(conn, make([]byte, 1+2*1536)); err != nil {
				t.Errorf("version %x on %v: %v", version, p.Addr(), err)
			}
		}
	}
}

// RTMP listens where any of its spellings says, and only while it is on.
func TestRTMPListens(t *testing.T) {
	for text, want := range map[string]string{
		"listen 1 2;": "1 2", "listen 1; rtmp { listen 2; }": "1 2", "listen 1; rtmp { enabled off; }": "",
		"listen shared;": "", "listen shared 1; http_server { enabled on; listen 9; }": "9 1",
		"rtmps { enabled on; }": "| 1443", "rtmps { enabled on; listen shared 7; }": "| 7", "": "",
	} {
		plain, secure := configure(t, text+" http_api { enabled on; } vhost __defaultVhost__ { }").rtmpListens()
		got := strings.Join(plain, " ")
		if len(secure) > 0 {
			got += "| " + strings.Join(secure, " ")
		}
		if got != want {
			t.Errorf("%q listens on %q, want %q", text, got, want)
		}
	}
	c := configure(t, "http_api { enabled on; } rtmp { chunk_size 4096; } vhost __defaultVhost__ { }")
	if c.rtmpChunkSize() != 4096 || configure(t, "http_api { enabled on; }").rtmpChunkSize() != 60000 {
		t.Error("chunk_size is not what it says")
	}
}
