package rtmp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"oneport/amf"
	"oneport/flv"
	"oneport/media"
)

// talk is a client that says everything at once, and what it is answered.
type talk struct {
	io.Reader
	answers bytes.Buffer
}

func (t *talk) Write(b []byte) (int, error) { return t.answers.Write(b) }

// greeting is C0, C1 and C2.
func greeting() []byte { return append([]byte{version}, make([]byte, 2*handshakeSize)...) }

func say(name string, id float64, rest ...byte) []byte {
	body := append(amf.AppendNumber(amf.AppendText(nil, name), id), rest...)
	return appendMessage(nil, chunksCommand, Message{Type: typeCommandAMF0, Stream: 1, Body: body}, defaultChunkSize)
}

func sayConnect(more ...amf.Property) []byte {
	list := append([]amf.Property{{Name: "app", Value: "live"}, {Name: "tcUrl", Value: "rtmp://h/live"}}, more...)
	return say("connect", 1, amf.AppendObject(nil, list...)...)
}

func sayPublish(stream string) []byte {
	return say("publish", 5, amf.AppendText(amf.AppendText(amf.AppendNull(nil), stream), "live")...)
}

func sayPlay(stream string) []byte {
	return say("play", 5, amf.AppendText(amf.AppendNull(nil), stream)...)
}

// accept has a client say its part up to a request.
func accept(parts ...[]byte) (*Session, *Request, *talk, error) {
	c := &talk{Reader: bytes.NewReader(joined(append([][]byte{greeting()}, parts...)...))}
	s, err := Accept(c, Config{ChunkSize: 4096, AckSize: 2_500_000})
	if err != nil {
		return nil, nil, c, err
	}
	r, err := s.Request()
	return s, r, c, err
}

// heard is what the client was told behind the handshake: the messages, commands as name and the strings they hold.
func (c *talk) heard(t *testing.T) (messages []Message, text string) {
	t.Helper()
	b := c.answers.Bytes()
	if len(b) < 1+2*handshakeSize || b[0] != version {
		t.Fatalf("the handshake's answer is %d bytes", len(b))
	}
	r := NewReader(bytes.NewReader(b[1+2*handshakeSize:]))
	r.SetLimit(MaxMedia)
	for {
		m, err := r.Next()
		if err == io.EOF {
			return messages, text
		}
		if err != nil {
			t.Fatal(err)
		}
		if m.Type == typeSetChunkSize {
			r.SetChunkSize(binary.BigEndian.Uint32(m.Body))
		}
		messages = append(messages, m)
		text += string(m.Body) + "\n"
	}
}

// An encoder of the usual sort, with the commands that they send around the one that matters.
func TestPublish(t *testing.T) {
	sps := []byte{0x17, 0, 0, 0, 0, 1, 2, 3}
	meta := amf.AppendArray(amf.AppendText(amf.AppendText(nil, "@setDataFrame"), "onMetaData"), amf.Property{Name: "encoder", Value: "x"})
	s, r, c, err := accept(
		appendNumber(nil, typeSetChunkSize, 4096), sayConnect(amf.Property{Name: "pageUrl", Value: "http://p/"}, amf.Property{Name: "fourCcList", Value: []string{"hvc1"}}),
		appendNumber(nil, typeWindowAckSize, 5000), say("releaseStream", 2, amf.AppendText(amf.AppendNull(nil), "s")...),
		say("FCPublish", 3, amf.AppendText(amf.AppendNull(nil), "s")...), say("createStream", 4, amf.AppendNull(nil)...), say("_checkbw", 6, amf.AppendNull(nil)...),
		appendEvent(nil, eventPingRequest, 77), sayPublish("s?key=k"),
		appendMessage(nil, 4, Message{Type: typeDataAMF0, Stream: 1, Body: meta}, 4096),
		appendMessage(nil, 6, Message{Type: typeVideo, Stream: 1, Time: 40, Body: sps}, 4096),
		appendMessage(nil, 6, Message{Type: typeVideo, Stream: 1, Time: 80, Body: make([]byte, 200_000)}, 4096),
		say("FCUnpublish", 7, amf.AppendText(amf.AppendNull(nil), "s")...),
	)
	if err != nil {
		t.Fatal(err)
	}
	if !r.Publish || r.Name != (Name{"h", "live", "s", "?key=k"}) || r.PageURL != "http://p/" || r.TCURL != "rtmp://h/live" {
		t.Errorf("the request is %+v", r)
	}
	if err := s.PermitPublish(); err != nil {
		t.Fatal(err)
	}
	for _, want := range []flv.Tag{{Type: flv.Script, Body: meta}, {Type: flv.Video, Time: 40, Body: sps}, {Type: flv.Video, Time: 80, Body: make([]byte, 200_000)}} {
		tag, err := s.ReadTag()
		if err != nil || tag.Type != want.Type || tag.Time != want.Time || !bytes.Equal(tag.Body, want.Body) {
			t.Fatalf("the tag is %d at %d of %d bytes, %v", tag.Type, tag.Time, len(tag.Body), err)
		}
	}
	if _, err := s.ReadTag(); !errors.Is(err, ErrEnded) {
		t.Errorf("FCUnpublish gives %v", err)
	}
	messages, text := c.heard(t)
	for _, want := range []string{"NetConnection.Connect.Success", "fourCcList", "hvc1", "onFCPublish", PublishStart, "onFCUnpublish", UnpublishSuccess} {
		if !strings.Contains(text, want) {
			t.Errorf("the client did not hear %s", want)
		}
	}
	var types []byte
	for _, m := range messages {
		types = append(types, m.Type)
		if m.Type == typeUserControl && binary.BigEndian.Uint32(m.Body[2:]) != 77 {
			t.Errorf("the ping is answered with %x", m.Body)
		}
	}
	want := []byte{typeWindowAckSize, typeSetBandwidth, typeSetChunkSize, 20, 20, 20, 20, 20, typeUserControl, 20, 20, typeAck, 20, 20}
	if !bytes.Equal(types, want) {
		t.Errorf("the client heard messages of types %v, want %v", types, want)
	}
	if s.Received() < 200_000 {
		t.Errorf("%d bytes were received", s.Received())
	}
}

// A player, and the frames it is sent, which a reader of FLV understands.
func TestPlay(t *testing.T) {
	s, r, c, err := accept(sayConnect(), say("createStream", 2, amf.AppendNull(nil)...), say("getStreamLength", 3, amf.AppendNull(nil)...), sayPlay("s"), say("deleteStream", 0, amf.AppendNull(nil)...))
	if err != nil || r.Publish || r.Stream != "s" {
		t.Fatal(r, err)
	}
	if err := s.PermitPlay(); err != nil {
		t.Fatal(err)
	}
	aac, _ := media.NewFrameFormat(media.AAC, []byte{0x12, 0x10})
	at := 20_000 * time.Second // beyond three bytes of ms
	mux := Muxer{s}
	out, err := mux.Begin(nil, [media.Kinds]*media.FrameFormat{media.Audio: aac})
	if err != nil {
		t.Fatal(err)
	}
	frame := &media.Frame{Format: aac, DTS: at, PTS: at, Key: true, Data: make([]byte, 10_000)}
	if out, err = mux.Append(out, frame, at); err != nil {
		t.Fatal(err)
	}
	c.Write(s.AppendEnd(out, "it is over"))
	if err := s.Listen(); !errors.Is(err, ErrEnded) {
		t.Errorf("deleteStream gives %v", err)
	}
	messages, text := c.heard(t)
	for _, want := range []string{PlayReset, PlayStart, "onMetaData", PlayUnpublished, "it is over"} {
		if !strings.Contains(text, want) {
			t.Errorf("the player did not hear %s", want)
		}
	}
	var reader flv.Reader
	var got *media.Frame
	for _, m := range messages {
		if m.Type == typeAudio {
			f, err := reader.Read(time.Time{}, flv.Tag{Type: flv.Audio, Time: m.Time, Body: m.Body})
			if err != nil || m.Stream != 1 {
				t.Fatal(m.Stream, err)
			}
			got = f
		}
	}
	if got == nil || !bytes.Equal(got.Data, frame.Data) || messages[len(messages)-3].Time != uint32(at/time.Millisecond) {
		t.Errorf("the frame came as %+v", got)
	}
	vp8 := &media.Frame{Format: &media.FrameFormat{Codec: media.VP8}, Data: []byte{1}}
	if _, err := mux.Append(nil, vp8, 0); err == nil || !strings.Contains(err.Error(), "VP8") || mux.CheckCodec(media.VP8) == nil {
		t.Errorf("VP8: %v", err)
	}
}

// What a client does wrong ends it with a word on why.
func TestBadClients(t *testing.T) {
	deep := bytes.Repeat([]byte{3, 0, 1, 'a'}, 3000)
	long := append([]byte{10, 255, 255, 255, 255}, bytes.Repeat([]byte{10, 127, 255, 255, 255}, 1000)...)
	many := func(b []byte) []byte { return bytes.Repeat(b, maxMessages) }
	for _, test := range []struct {
		name  string
		parts [][]byte
		want  string
	}{
		{"an AMF bomb of depth", [][]byte{say("connect", 1, deep...)}, "amf"},
		{"an AMF bomb of length", [][]byte{say("connect", 1, long...)}, "properties"},
		{"no AMF", [][]byte{appendMessage(nil, 3, Message{Type: typeCommandAMF0, Body: []byte{99, 99}}, 128)}, "amf"},
		{"publish before connect", [][]byte{sayPublish("s")}, "connect first"},
		{"connect without anything", [][]byte{say("connect", 1)}, "properties"},
		{"a name that is cut", [][]byte{sayConnect(), say("publish", 2, 5, 2, 0, 9, 'a')}, "publish"},
		{"a chunk size of 0", [][]byte{appendNumber(nil, typeSetChunkSize, 0)}, "size of 0"},
		{"a short control message", [][]byte{appendControl(nil, typeSetChunkSize, 1)}, "control message"},
		{"many streams", [][]byte{sayConnect(), many(say("createStream", 2, amf.AppendNull(nil)...))}, "more than 16 streams"},
		{"many messages", [][]byte{sayConnect(), many(say("x", 0)), many(say("x", 0))}, "does not say"},
		{"media that nobody asked for", [][]byte{sayConnect(), many(appendMessage(nil, 6, Message{Type: typeVideo, Body: []byte{1}}, 128))}, "does not say"},
		{"nothing", nil, "EOF"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, _, _, err := accept(test.parts...); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("the error is %v, it does not speak of %q", err, test.want)
			}
		})
	}
}

// A second publish or play on a connection is refused, and ends it.
func TestTwice(t *testing.T) {
	for _, second := range [][]byte{sayPublish("other"), sayPlay("other")} {
		s, _, c, err := accept(sayConnect(), sayPublish("s"), second)
		if err != nil {
			t.Fatal(err)
		}
		s.PermitPublish()
		if _, err := s.ReadTag(); !errors.Is(err, errTwice) {
			t.Errorf("the error is %v", err)
		}
		if _, text := c.heard(t); !strings.Contains(text, "already") {
			t.Error("the client does not hear of it")
		}
	}
}

// Messages that are made of tags, whose times count from the message's, and commands in the dress of AMF3.
func TestOldDresses(t *testing.T) {
	tags := flv.Tag{Type: flv.Video, Time: 500, Body: []byte{1}}.Append(nil)
	tags = flv.Tag{Type: flv.Audio, Time: 520, Body: []byte{2}}.Append(tags)
	dressed := func(typ byte, b []byte) []byte {
		return appendMessage(nil, 3, Message{Type: typ, Stream: 1, Body: append([]byte{0}, b...)}, 128)
	}
	publish := amf.AppendText(amf.AppendNull(amf.AppendNumber(amf.AppendText(nil, "publish"), 3)), "s")
	s, r, _, err := accept(sayConnect(), dressed(typeCommandAMF3, publish),
		appendMessage(nil, 6, Message{Type: typeAggregate, Time: 9000, Body: append(tags, 1, 2, 3)}, 128),
		dressed(typeDataAMF3, amf.AppendText(nil, "onMetaData")))
	if err != nil || r.Stream != "s" {
		t.Fatal(r, err)
	}
	for _, want := range []flv.Tag{{Type: flv.Video, Time: 9000}, {Type: flv.Audio, Time: 9020}, {Type: flv.Script}} {
		if tag, err := s.ReadTag(); err != nil || tag.Type != want.Type || tag.Time != want.Time {
			t.Errorf("the tag is %d at %d (%v), want %+v", tag.Type, tag.Time, err, want)
		}
	}
}

func TestHandshake(t *testing.T) {
	for _, test := range []struct {
		b    []byte
		want string
	}{
		{nil, "EOF"}, {[]byte{6}, "version 6"}, {[]byte("GET / HTTP/1.1\r\n"), "version 71"}, {greeting()[:1000], "EOF"}, {greeting()[:2000], "EOF"},
	} {
		if err := handshake(&talk{Reader: bytes.NewReader(test.b)}); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%.10q: %v, want %s", test.b, err, test.want)
		}
	}
	hello := greeting()
	hello[100] = 42
	c := &talk{Reader: bytes.NewReader(hello)}
	if err := handshake(c); err != nil || !bytes.Equal(c.answers.Bytes()[1+handshakeSize:], hello[1:1+handshakeSize]) {
		t.Errorf("S2 is not C1 (%v)", err)
	}
}

func FuzzHandshake(f *testing.F) {
	f.Add(greeting())
	f.Add([]byte{6, 1, 2})
	f.Fuzz(func(t *testing.T, b []byte) {
		c := &talk{Reader: bytes.NewReader(b)}
		if err := handshake(c); err == nil && len(b) < len(greeting()) {
			t.Fatal("too short a handshake is good")
		}
	})
}

func FuzzCommand(f *testing.F) {
	f.Add([]byte("\x02\x00\x07connect\x00\x3f\xf0\x00\x00\x00\x00\x00\x00\x03\x00\x03app\x02\x00\x04live\x00\x00\x09"), false)
	f.Add(bytes.Repeat([]byte{3, 0, 1, 'a'}, 100), true)
	f.Fuzz(func(t *testing.T, b []byte, old bool) {
		m := Message{Type: typeCommandAMF0, Body: b}
		if old {
			m.Type = typeCommandAMF3
		}
		c, err := parseCommand(m)
		if err == nil {
			c.args.Properties(new(target).set)
			c.args.Text()
		}
	})
}

// A whole connection of whatever bytes, behind a good handshake.
func FuzzSession(f *testing.F) {
	f.Add(joined(sayConnect(), say("createStream", 2), sayPublish("s"), appendMessage(nil, 6, Message{Type: typeVideo, Body: []byte{0x17, 0, 0, 0, 0}}, 128), say("deleteStream", 0)))
	f.Add(joined(appendNumber(nil, typeSetChunkSize, 1<<31-1), sayConnect(), sayPlay("s"), appendEvent(nil, eventPingRequest, 1), say("pause", 3)))
	f.Fuzz(func(t *testing.T, wire []byte) {
		s := &Session{rw: &talk{Reader: bytes.NewReader(wire)}, config: Config{ChunkSize: 128}, in: NewReader(bytes.NewReader(wire))}
		r, err := s.Request()
		switch {
		case err != nil:
		case r.Publish:
			s.PermitPublish()
			for err == nil {
				_, err = s.ReadTag()
			}
		default:
			s.PermitPlay()
			err = s.Listen()
		}
		if err == nil {
			t.Fatal("it ends without a reason")
		}
	})
}
