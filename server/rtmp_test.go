package server

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gortmplib/pkg/amf0"
	"github.com/bluenviron/gortmplib/pkg/bytecounter"
	"github.com/bluenviron/gortmplib/pkg/handshake"
	"github.com/bluenviron/gortmplib/pkg/rawmessage"

	"oneport/api"
	"oneport/flv"
	"oneport/media"
)

// withRTMP is withFLV with RTMP on the same port. A publisher may be silent for as long as a test takes, if more does not say otherwise:
// of a setting that is there twice the first one counts.
func withRTMP(more string) string {
	return "listen shared;" + withFLV(more+" publish { normal_timeout 600000; publisher_silence 600000; }")
}

// rtmpClient is a client made of the field's library, whose layers let it say whatever it likes.
type rtmpClient struct {
	t    testing.TB
	conn net.Conn
	in   *rawmessage.Reader
	out  *rawmessage.Writer
	flv  flv.Reader
}

// dialRTMP does the handshake and connects to an application.
func dialRTMP(t testing.TB, addr, app string) *rtmpClient {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return rtmpOver(t, conn, app)
}

func rtmpOver(t testing.TB, conn net.Conn, app string) *rtmpClient {
	t.Helper()
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	counted := bytecounter.NewReadWriter(conn)
	if _, _, err := handshake.DoClient(counted, false, true); err != nil {
		t.Fatal(err)
	}
	c := &rtmpClient{t: t, conn: conn}
	c.in = rawmessage.NewReader(counted, counted.Reader, func(uint32) error { return nil })
	c.out = rawmessage.NewWriter(counted, counted.Writer, false)
	c.command("connect", 1, amf0.Object{{Key: "app", Value: app}, {Key: "tcUrl", Value: "rtmp://127.0.0.1/" + app}})
	if _, err := c.answer("_result"); err != nil {
		t.Fatal(err)
	}
	c.message(1, 0, binary.BigEndian.AppendUint32(nil, 4096))
	c.out.SetChunkSize(4096)
	return c
}

func (c *rtmpClient) message(typ byte, at time.Duration, body []byte) error {
	chunks := byte(4)
	if typ < 8 {
		chunks = 2
	}
	return c.out.Write(&rawmessage.Message{ChunkStreamID: chunks, Type: typ, Timestamp: at, MessageStreamID: 1, Body: body})
}

func (c *rtmpClient) command(name string, id float64, args ...any) {
	c.t.Helper()
	body, err := amf0.Data(append([]any{name, id}, args...)).Marshal()
	if err != nil {
		c.t.Fatal(err)
	}
	c.message(20, 0, body) // a server that has closed is told by what is read
}

// next reads a message, obeying what it says of the connection.
func (c *rtmpClient) next() (*rawmessage.Message, error) {
	m, err := c.in.Read()
	if err == nil && m.Type == 1 {
		err = c.in.SetChunkSize(binary.BigEndian.Uint32(m.Body))
	}
	return m, err
}

// answer reads up to a command of that name.
func (c *rtmpClient) answer(name string) (amf0.Data, error) {
	for {
		m, err := c.next()
		if err != nil {
			return nil, err
		}
		if m.Type != 20 {
			continue
		}
		if data, err := amf0.Unmarshal(m.Body); err != nil || data[0] == name {
			return data, err
		}
	}
}

// status reads up to onStatus, and tells its code and description.
func (c *rtmpClient) status() (code, description string) {
	c.t.Helper()
	data, err := c.answer("onStatus")
	if err != nil {
		c.t.Fatal(err)
	}
	info := data[3].(amf0.Object)
	code, _ = info.GetString("code")
	description, _ = info.GetString("description")
	return code, description
}

func (c *rtmpClient) publish(name string) (code, description string) {
	c.t.Helper()
	c.command("createStream", 2, nil)
	c.command("publish", 3, nil, name, "live")
	return c.status()
}

// play asks to play, up to the status that says so, or does not.
func (c *rtmpClient) play(name string) (code, description string) {
	c.t.Helper()
	c.command("createStream", 2, nil)
	c.command("play", 3, nil, name)
	if code, description = c.status(); code == "NetStream.Play.Reset" {
		return c.status()
	}
	return code, description
}

// begin asks to play what it is to be let in to.
func (c *rtmpClient) begin(name string) {
	c.t.Helper()
	if code, why := c.play(name); code != "NetStream.Play.Start" {
		c.t.Errorf("play: %s: %s", code, why)
	}
}

// send sends a tag; the library takes a time for 63 bits, so that its wrap is the test's.
func (c *rtmpClient) send(tag flv.Tag) error {
	return c.message(byte(tag.Type), time.Duration(tag.Time)*time.Millisecond, tag.Body)
}

// configs sends the sequence headers.
func (c *rtmpClient) configs(formats ...*media.FrameFormat) {
	c.t.Helper()
	for _, f := range formats {
		tag, err := flv.ConfigTag(f, 0)
		if err != nil {
			c.t.Fatal(err)
		}
		c.send(tag)
	}
}

var pictureBody, interBody = unhexed("17 01 000000 00000003 658884"), unhexed("27 01 000000 00000003 410102")

func unhexed(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

// feed sends n pictures and as many sounds from a time on, 40 ms apart, with a keyframe every 5.
func (c *rtmpClient) feed(from uint32, n int) {
	for i := range n {
		body := interBody
		if i%5 == 0 {
			body = pictureBody
		}
		at := from + uint32(i)*40
		c.send(flv.Tag{Type: flv.Video, Time: at, Body: body})
		c.send(flv.Tag{Type: flv.Audio, Time: at, Body: []byte{0xaf, 1, 0x21, 0x10}})
	}
}

// frame reads the next frame that is played.
func (c *rtmpClient) frame() (*media.Frame, error) {
	for {
		m, err := c.next()
		if err != nil {
			return nil, err
		}
		if m.Type != 8 && m.Type != 9 && m.Type != 18 {
			continue
		}
		if f, err := c.flv.Read(time.Time{}, flv.Tag{Type: flv.Type(m.Type), Time: uint32(m.Timestamp / time.Millisecond), Body: m.Body}); f != nil || err != nil {
			return f, err
		}
	}
}

// frames reads n frames of each kind and checks their order.
func (c *rtmpClient) frames(n int) (got [media.Kinds][]*media.Frame) {
	c.t.Helper()
	for len(got[media.Audio]) < n || len(got[media.Video]) < n {
		f, err := c.frame()
		if err != nil {
			c.t.Fatalf("after %d and %d frames: %v", len(got[media.Audio]), len(got[media.Video]), err)
		}
		got[f.Kind()] = append(got[f.Kind()], f)
	}
	return got
}

// closed says whether the server ends the connection.
func (c *rtmpClient) closed() error {
	for {
		if _, err := c.next(); err != nil {
			if e, ok := err.(net.Error); ok && e.Timeout() {
				return fmt.Errorf("it goes on: %w", err)
			}
			return nil
		}
	}
}

func addrOf(s *Server) string { return s.ports[0].Addr().String() }

// publishing is a publisher that has sent its sequence headers and a second of frames.
func publishing(t *testing.T, s *Server, name string) *rtmpClient {
	t.Helper()
	c := dialRTMP(t, addrOf(s), "live")
	if code, why := c.publish(name); code != "NetStream.Publish.Start" {
		t.Fatalf("publish: %s: %s", code, why)
	}
	c.configs(frameFormat(t, media.H264, testAVCC), frameFormat(t, media.AAC, testASC))
	c.feed(0, 25)
	return c
}

// What is published by RTMP is played by RTMP and by HTTP-FLV from the port of everything else; the API shows and kicks.
func TestRTMP(t *testing.T) {
	s := open(t, configure(t, withRTMP("")))
	p := publishing(t, s, "x?key=k")
	v := dialRTMP(t, addrOf(s), "live")
	if code, why := v.play("x"); code != "NetStream.Play.Start" {
		t.Fatalf("play: %s: %s", code, why)
	}
	got := v.frames(3)
	first := got[media.Video][0]
	if !first.Key || first.DTS > 40*time.Millisecond || first.Format.Width != 352 || !bytes.Equal(first.Data, pictureBody[5:]) || got[media.Audio][0].Format.SampleRate != 44100 {
		t.Errorf("it begins with %+v, %+v", first, first.Format)
	}
	watch(t, base(s)+"/live/x.flv").read(3)

	if code, why := dialRTMP(t, addrOf(s), "live").publish("x"); code != "NetStream.Publish.BadName" || !strings.Contains(why, "/live/x") {
		t.Errorf("a second publisher is told %s: %s", code, why)
	}
	var publisher, player api.Client
	until(t, "all that was published", func() bool {
		kinds := map[string]api.Client{}
		for _, c := range reply[api.ClientsReply](t, call(t, "GET", base(s)+"/api/v1/clients/", "")).Clients {
			kinds[c.Type] = c
		}
		publisher, player = kinds["fmle-publish"], kinds["rtmp-play"]
		return publisher.RecvBytes >= 500 && player.SendBytes > 0 // which is counted once it is sent
	})
	if !publisher.Publish || publisher.TCURL != "rtmp://127.0.0.1/live" || publisher.IP != "127.0.0.1" || player.SendBytes == 0 {
		t.Errorf("the clients are %+v and %+v", publisher, player)
	}
	call(t, "DELETE", base(s)+"/api/v1/clients/"+publisher.ID, "")
	if err := p.closed(); err != nil {
		t.Errorf("the kicked publisher: %v", err)
	}
	if code, _ := v.status(); code != "NetStream.Play.UnpublishNotify" {
		t.Errorf("the player is told %s", code)
	}
	if m, err := v.next(); err != nil || m.Type != 4 || m.Body[1] != 1 {
		t.Errorf("and no StreamEOF: %+v, %v", m, err)
	}
	if err := v.closed(); err != nil {
		t.Errorf("the player: %v", err)
	}
	until(t, "nothing is left", func() bool { return leftovers(s) == "" })
}

// A player that comes first waits; a publisher's end in good order ends it; the next publisher may come at once.
func TestRTMPWaits(t *testing.T) {
	s := open(t, configure(t, withRTMP("")))
	v := dialRTMP(t, addrOf(s), "live")
	if code, _ := v.play("x"); code != "NetStream.Play.Start" {
		t.Fatalf("a player that comes first is told %s", code)
	}
	p := publishing(t, s, "x")
	v.frames(3)
	p.command("FCUnpublish", 5, nil, "x")
	if code, _ := p.status(); code != "NetStream.Unpublish.Success" {
		t.Errorf("the publisher is told %s", code)
	}
	if code, _ := v.status(); code != "NetStream.Play.UnpublishNotify" {
		t.Errorf("the player is told %s", code)
	}
	until(t, "the publisher's end", func() bool { return len(s.ingests.all()) == 0 })
	publishing(t, s, "x")
}

// What can't be is refused by a status of RTMP, in words, and the client gets to hear them.
func TestRTMPRefusals(t *testing.T) {
	s := open(t, configure(t, withRTMP("")))
	published(t, s, "vp8", media.Format{Codec: media.VP8, ClockRate: 90000})
	for _, test := range []struct {
		play       bool
		app, name  string
		code, says string
	}{
		{true, "live", "vp8", "NetStream.Play.Failed", "VP8"},
		{true, "live", "..", "NetStream.Play.StreamNotFound", `".."`},
		{true, "live", strings.Repeat("x", 300), "NetStream.Play.StreamNotFound", "256"},
		{false, "live", "a\x01", "NetStream.Publish.BadName", "control"},
		{false, "live", "", "NetStream.Publish.BadName", "256"},
		{false, "..", "x", "NetStream.Publish.BadName", `".."`},
		{false, "live", "vp8", "NetStream.Publish.BadName", "another publisher"},
	} {
		c := dialRTMP(t, addrOf(s), test.app)
		ask := c.publish
		if test.play {
			ask = c.play
		}
		code, why := ask(test.name)
		if code == "NetStream.Play.Start" {
			code, why = c.status()
		}
		if code != test.code || !strings.Contains(why, test.says) {
			t.Errorf("%.20q/%.20q: %s: %s; want %s with %q", test.app, test.name, code, why, test.code, test.says)
		}
		if err := c.closed(); err != nil {
			t.Error(err)
		}
	}
}

// The vhost of the URL decides, an unknown one is the default; one without that is refused.
func TestRTMPVhosts(t *testing.T) {
	text := withRTMP("") + "vhost tv.example { http_remux { enabled on; } }"
	s := open(t, configure(t, text))
	publishing(t, s, "x?vhost=tv.example")
	publishing(t, s, "x?vhost=other.example")
	streams := reply[api.StreamsReply](t, call(t, "GET", base(s)+"/api/v1/streams/", "")).Streams
	if len(streams) != 2 || streams[0].Vhost == streams[1].Vhost {
		t.Errorf("the streams are %+v", streams)
	}
	only := open(t, configure(t, strings.Replace(withRTMP(""), "__defaultVhost__", "tv.example", 1)))
	if code, why := dialRTMP(t, addrOf(only), "live").publish("x?vhost=other"); code != "NetStream.Publish.BadName" || !strings.Contains(why, "virtual host") {
		t.Errorf("no such vhost: %s: %s", code, why)
	}
	if code, why := dialRTMP(t, addrOf(only), "live").play("x?vhost=other"); code != "NetStream.Play.StreamNotFound" || !strings.Contains(why, "virtual host") {
		t.Errorf("no such vhost: %s: %s", code, why)
	}
}
