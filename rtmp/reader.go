package rtmp

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
)

// Reader puts messages together from chunks (RTMP 1.0, section 5.3).
//
// What it keeps is bounded: a message by the limit it was given, all unfinished messages together by that and MaxControl, and
// the chunk streams by their number. No length that a client names is allocated before its bytes come.
type Reader struct {
	r         *bufio.Reader
	chunkSize int
	limit     int
	streams   map[uint32]*chunkStream
	pending   int    // bytes announced by unfinished messages
	received  uint64 // bytes read
}

// chunkStream is what the headers of later chunks leave out.
type chunkStream struct {
	Message
	begun    bool // had a header
	length   int
	delta    uint32
	extended bool // the time did not fit into three bytes
	open     bool // the message is unfinished
}

// NewReader reads from r with the limit MaxControl.
func NewReader(r io.Reader) *Reader {
	return &Reader{r: bufio.NewReaderSize(r, 16<<10), chunkSize: defaultChunkSize, limit: MaxControl, streams: make(map[uint32]*chunkStream)}
}

// SetLimit changes the size of the greatest message.
func (r *Reader) SetLimit(bytes int) { r.limit = bytes }

// Received counts the bytes of all chunks.
func (r *Reader) Received() uint64 { return r.received }

// SetChunkSize changes how long the client's chunks are. A greater size than any message's is as good as that.
func (r *Reader) SetChunkSize(size uint32) error {
	if size&^(1<<31) == 0 {
		return errChunkSize
	}
	r.chunkSize = int(min(size&^(1<<31), MaxMedia))
	return nil
}

// Abort gives up the unfinished message of a chunk stream.
func (r *Reader) Abort(id uint32) {
	if s := r.streams[id]; s != nil && s.open {
		r.finish(s)
		s.Body = nil
	}
}

// Next reads chunks until a message is whole. The body belongs to the caller.
func (r *Reader) Next() (Message, error) {
	for {
		format, id, err := r.basicHeader()
		if err != nil {
			return Message{}, err
		}
		s := r.streams[id]
		if s == nil {
			if len(r.streams) >= maxChunkStreams {
				return Message{}, errStreams
			}
			s = &chunkStream{}
			r.streams[id] = s
		}
		if err := r.messageHeader(s, format); err != nil {
			return Message{}, err
		}
		if err := r.payload(s); err != nil {
			return Message{}, err
		}
		if len(s.Body) == s.length {
			r.finish(s)
			m := s.Message
			s.Body = nil
			return m, nil
		}
	}
}

func (r *Reader) finish(s *chunkStream) {
	s.open = false
	r.pending -= s.length
}

// read fills b.
func (r *Reader) read(b []byte) error {
	n, err := io.ReadFull(r.r, b)
	r.received += uint64(n)
	return err
}

// basicHeader reads the format and the chunk stream's number (section 5.3.1.1).
func (r *Reader) basicHeader() (format byte, id uint32, err error) {
	var b [2]byte
	if err = r.read(b[:1]); err != nil {
		return 0, 0, err
	}
	format, id = b[0]>>6, uint32(b[0]&0x3f)
	switch id {
	case 0:
		err = r.read(b[:1])
		id = 64 + uint32(b[0])
	case 1:
		err = r.read(b[:2])
		id = 64 + uint32(b[0]) + uint32(b[1])<<8
	}
	return format, id, err
}

// messageHeader reads what the format has of the header (section 5.3.1.2), and begins a message if none is unfinished.
func (r *Reader) messageHeader(s *chunkStream, format byte) error {
	const full, sameStream, sameLength, none = 0, 1, 2, 3
	switch {
	case s.open && format != none:
		return errInside
	case !s.begun && format > sameStream: // librtmp begins a chunk stream with sameStream to send a ping
		return errNoHeader
	}
	var b [11]byte
	sizes := [...]int{full: 11, sameStream: 7, sameLength: 3, none: 0}
	if err := r.read(b[:sizes[format]]); err != nil {
		return err
	}
	if format != none {
		s.delta = uint24(b[:])
		s.extended = s.delta == 0xffffff
	}
	if format <= sameStream {
		s.length, s.Type = int(uint24(b[3:])), b[6]
	}
	if format == full {
		s.Stream = binary.LittleEndian.Uint32(b[7:])
	}
	if err := r.extendedTime(s, format == none); err != nil {
		return err
	}
	s.begun = true
	if s.open {
		return nil
	}
	if s.Time += s.delta; format == full {
		s.Time = s.delta
	}
	return r.begin(s)
}

// extendedTime reads the time that did not fit (section 5.3.1.3). Continuing chunks repeat it, but some encoders forget that:
// what is not the same is the message's body.
func (r *Reader) extendedTime(s *chunkStream, again bool) error {
	if !s.extended {
		return nil
	}
	if again {
		if b, err := r.r.Peek(4); err != nil {
			return err
		} else if binary.BigEndian.Uint32(b) != s.delta {
			return nil
		}
	}
	var b [4]byte
	if err := r.read(b[:]); err != nil {
		return err
	}
	s.delta = binary.BigEndian.Uint32(b[:])
	return nil
}

func (r *Reader) begin(s *chunkStream) error {
	if s.length > r.limit {
		return fmt.Errorf("rtmp: chunk: a message of %d bytes, the most are %d here", s.length, r.limit)
	}
	if r.pending+s.length > r.limit+MaxControl {
		return fmt.Errorf("rtmp: chunk: unfinished messages of more than %d bytes", r.limit+MaxControl)
	}
	r.pending += s.length
	s.open = true
	s.Body = make([]byte, 0, min(s.length, firstBuffer, max(r.chunkSize, MaxControl)))
	return nil
}

// payload reads a chunk's part of the body.
func (r *Reader) payload(s *chunkStream) error {
	for left := min(s.length-len(s.Body), r.chunkSize); left > 0; {
		if len(s.Body) == cap(s.Body) {
			grown := make([]byte, len(s.Body), min(s.length, 2*cap(s.Body)))
			copy(grown, s.Body)
			s.Body = grown
		}
		from := len(s.Body)
		to := min(from+left, cap(s.Body))
		s.Body = s.Body[:to]
		if err := r.read(s.Body[from:]); err != nil {
			return err
		}
		left -= to - from
	}
	return nil
}

func uint24(b []byte) uint32 { return uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2]) }
