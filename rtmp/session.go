package rtmp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"oneport/flv"
)

// Config says how a server talks.
type Config struct {
	ChunkSize int    // of what it sends
	AckSize   uint32 // after how many bytes it wants to hear that they came
}

// Session is one client's connection. It is used by one goroutine, but for what it appends: a player's connection has another
// to listen to it. What the session writes it writes in one piece, so that the two need not know of each other.
type Session struct {
	rw     io.ReadWriter
	config Config
	in     *Reader
	target target

	window uint64 // how many bytes the client wants to hear of
	acked  uint64 // what it was told last

	created  uint32 // how many streams it has made
	stream   uint32 // the one that it publishes or plays
	released bool   // it said FCPublish, and waits to hear of that

	rest  []byte // of an aggregate message
	shift uint32 // of its times
}

// Request is what a client wants.
type Request struct {
	Name
	Publish      bool
	TCURL        string
	PageURL      string
	SWFURL       string
	FlashVersion string
}

const (
	maxMessages = 200 // before a client says what it wants: encoders send about eight
	maxCreated  = 16  // streams that a client may make: one is of use

	leastWindow = 4 << 10 // acknowledging more often than that is of no use to anyone
)

// ErrEnded says that the client has ended what it did, in good order.
var ErrEnded = errors.New("rtmp: the client ended it")

var (
	errTwice   = errors.New("rtmp: the client publishes or plays a second stream by one connection")
	errIdle    = fmt.Errorf("rtmp: the client has sent %d messages and does not say what it wants", maxMessages)
	errCreated = fmt.Errorf("rtmp: the client makes more than %d streams", maxCreated)
	errConnect = errors.New("rtmp: the client does not connect first")
)

// Accept does the handshake.
func Accept(rw io.ReadWriter, c Config) (*Session, error) {
	if err := handshake(rw); err != nil {
		return nil, err
	}
	return &Session{rw: rw, config: c, in: NewReader(rw)}, nil
}

// Received counts the bytes of the client's messages, with what surrounds them.
func (s *Session) Received() uint64 { return s.in.Received() }

// Request answers the client until it says what it wants. It is to be answered by Permit or Refuse.
func (s *Session) Request() (*Request, error) {
	for range maxMessages {
		m, err := s.next()
		if err != nil {
			return nil, err
		}
		if m.Type != typeCommandAMF0 && m.Type != typeCommandAMF3 {
			continue
		}
		c, err := parseCommand(m)
		if err != nil {
			return nil, fmt.Errorf("rtmp: command: %w", err)
		}
		request, err := s.command(&c, m.Stream)
		if request != nil || err != nil {
			return request, err
		}
	}
	return nil, errIdle
}

// next reads a message that is not about the connection itself.
func (s *Session) next() (Message, error) {
	for {
		m, err := s.in.Next()
		if err != nil {
			return Message{}, err
		}
		if err := s.acknowledge(); err != nil {
			return Message{}, err
		}
		if m.Type > typeSetBandwidth {
			return m, nil
		}
		if err := s.control(m); err != nil {
			return Message{}, err
		}
	}
}

// acknowledge tells the client how much has come, when it is time.
func (s *Session) acknowledge() error {
	if s.window == 0 || s.in.Received()-s.acked < s.window {
		return nil
	}
	s.acked = s.in.Received()
	return s.write(appendNumber(nil, typeAck, uint32(s.acked)))
}

// control obeys a protocol control message (sections 5.4 and 6.2).
func (s *Session) control(m Message) error {
	if len(m.Body) < 4 {
		return errControl
	}
	v := binary.BigEndian.Uint32(m.Body)
	switch m.Type {
	case typeSetChunkSize:
		return s.in.SetChunkSize(v)
	case typeAbort:
		s.in.Abort(v)
	case typeWindowAckSize:
		s.window = max(uint64(v), leastWindow)
	case typeUserControl:
		if len(m.Body) >= 6 && binary.BigEndian.Uint16(m.Body) == eventPingRequest {
			return s.write(appendEvent(nil, eventPingResponse, binary.BigEndian.Uint32(m.Body[2:])))
		}
	}
	return nil
}

func (s *Session) write(b []byte) error {
	_, err := s.rw.Write(b)
	return err
}

// command answers one before the client has got what it wants.
func (s *Session) command(c *command, stream uint32) (*Request, error) {
	switch {
	case c.name == "connect":
		return nil, s.connect(c)
	case s.target.app == "" && s.target.tcURL == "":
		return nil, errConnect
	}
	switch c.name {
	case "publish", "play":
		c.args.Value()
		s.stream = stream
		name := c.args.Text()
		if err := c.args.Err(); err != nil {
			return nil, fmt.Errorf("rtmp: %s: %w", c.name, err)
		}
		return s.request(c.name == "publish", name), nil
	case "createStream":
		if s.created++; s.created > maxCreated {
			return nil, errCreated
		}
		return nil, s.result(c.id, float64(s.created))
	case "FCPublish":
		s.released = true
	case "getStreamLength":
		return nil, s.result(c.id, 0)
	case "deleteStream", "closeStream", "FCUnpublish":
		return nil, nil
	}
	if c.id == 0 {
		return nil, nil // no answer is asked for
	}
	return nil, s.result(c.id)
}

func (s *Session) connect(c *command) error {
	t := target{}
	if !c.args.Properties(t.set) || c.args.Err() != nil {
		return fmt.Errorf("rtmp: connect: %w", errors.Join(errors.New("it has no properties"), c.args.Err()))
	}
	if t.tcURL == "" && t.app == "" {
		t.app = defaultApp
	}
	s.target = t
	out := appendNumber(nil, typeWindowAckSize, s.config.AckSize)
	out = appendNumber(out, typeSetBandwidth, s.config.AckSize, 2) // 2: dynamic
	out = appendNumber(out, typeSetChunkSize, uint32(s.config.ChunkSize))
	return s.write(s.appendCommand(out, 0, connected(&t, c.id)))
}

func (s *Session) request(publish bool, stream string) *Request {
	t := &s.target
	return &Request{
		Name: parseName(t.tcURL, t.app, stream), Publish: publish,
		TCURL: t.tcURL, PageURL: t.pageURL, SWFURL: t.swfURL, FlashVersion: t.flashVersion,
	}
}

// Refuse tells the client that it does not get what it wants, by a code of RTMP and in words.
func (s *Session) Refuse(code, why string) error {
	return s.write(s.appendStatus(nil, "error", code, why))
}

// PermitPublish tells a publisher to begin, and lets its messages be as large as pictures are.
func (s *Session) PermitPublish() error {
	s.in.SetLimit(MaxMedia)
	var out []byte
	if s.released {
		out = s.appendFC(out, "onFCPublish", PublishStart)
	}
	return s.write(s.appendStatus(out, "status", PublishStart, "Publishing begins"))
}

// ReadTag reads the next tag of a publisher. The error is ErrEnded when it has ended in good order.
func (s *Session) ReadTag() (flv.Tag, error) {
	for {
		if tag, ok := s.aggregated(); ok {
			return tag, nil
		}
		m, err := s.next()
		if err != nil {
			return flv.Tag{}, err
		}
		switch m.Type {
		case typeAudio, typeVideo, typeDataAMF0:
			return flv.Tag{Type: flv.Type(m.Type), Time: m.Time, Body: m.Body}, nil
		case typeDataAMF3:
			if len(m.Body) > 0 {
				return flv.Tag{Type: flv.Script, Time: m.Time, Body: m.Body[1:]}, nil
			}
		case typeAggregate:
			s.disaggregate(m)
		case typeCommandAMF0, typeCommandAMF3:
			if err := s.listen(m); err != nil {
				return flv.Tag{}, err
			}
		}
	}
}

// disaggregate begins a message that is made of tags (section 7.1.6), the first of which has the message's time.
func (s *Session) disaggregate(m Message) {
	s.rest = m.Body
	if first, _, ok, _ := flv.CutTag(m.Body); ok {
		s.shift = m.Time - first.Time
	}
}

func (s *Session) aggregated() (flv.Tag, bool) {
	tag, rest, ok, err := flv.CutTag(s.rest)
	if !ok || err != nil {
		s.rest = nil
		return flv.Tag{}, false
	}
	s.rest = rest
	tag.Time += s.shift
	return tag, true
}

// Listen reads what a player says until it ends.
func (s *Session) Listen() error {
	for {
		m, err := s.next()
		if err != nil {
			return err
		}
		if m.Type != typeCommandAMF0 && m.Type != typeCommandAMF3 {
			continue
		}
		if err := s.listen(m); err != nil {
			return err
		}
	}
}

// listen takes a command of a client that publishes or plays.
func (s *Session) listen(m Message) error {
	c, err := parseCommand(m)
	if err != nil {
		return fmt.Errorf("rtmp: command: %w", err)
	}
	switch c.name {
	case "deleteStream", "closeStream":
		return ErrEnded
	case "FCUnpublish":
		out := s.appendFC(nil, "onFCUnpublish", UnpublishSuccess)
		s.write(s.appendStatus(out, "status", UnpublishSuccess, "Publishing ends"))
		return ErrEnded
	case "publish":
		s.Refuse(PublishBadName, "this connection publishes or plays already")
		return errTwice
	case "play":
		s.Refuse(PlayFailed, "this connection publishes or plays already")
		return errTwice
	case "pause", "seek", "receiveAudio", "receiveVideo":
		return nil // a live stream goes on
	}
	if c.id == 0 {
		return nil
	}
	return s.result(c.id)
}
