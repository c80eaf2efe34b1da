package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/bluenviron/gortmplib/pkg/bytecounter"
	"github.com/bluenviron/gortmplib/pkg/message"
	"github.com/coder/websocket"
)

// playFLV plays by HTTP or WebSocket.
func playFLV(ctx context.Context, from string, out *matroska) error {
	body, err := openFLV(ctx, from)
	if err != nil {
		return err
	}
	defer body.Close()
	return copyMessages(newFLVConn(body), out)
}

func openFLV(ctx context.Context, from string) (io.ReadCloser, error) {
	if strings.HasPrefix(from, "ws") {
		c, res, err := websocket.Dial(ctx, from, nil)
		if err != nil {
			return nil, refusal(res, err)
		}
		c.SetReadLimit(-1)
		return websocket.NetConn(ctx, c, websocket.MessageBinary), nil
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		defer res.Body.Close()
		return nil, refusal(res, nil)
	}
	return res.Body, nil
}

// refusal is an answer that is no stream.
func refusal(res *http.Response, err error) error {
	if res == nil {
		return err
	}
	text, _ := io.ReadAll(io.LimitReader(res.Body, 4096))
	return fmt.Errorf("%s: %s", res.Status, text)
}

// flvConn gives the tags of FLV as messages of RTMP, which they are but for their framing. It does the framing anew, for
// the library reads messages from nothing else.
type flvConn struct {
	from   io.Reader
	chunks bytes.Buffer
	reader *message.Reader
	head   bool // the file's header has been read
}

// messageStream is the one on which RTMP carries a stream.
const messageStream = 1

func newFLVConn(from io.Reader) *flvConn {
	c := &flvConn{from: from}
	c.chunks.Write([]byte{2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0, 0x80, 0, 0}) // Set Chunk Size: 8 MB, larger than any tag
	r := bytecounter.NewReader(chunkReader{c})
	c.reader = message.NewReader(r, r, func(uint32) error { return nil })
	return c
}

// chunk adds the next tag as one chunk.
func (c *flvConn) chunk() error {
	if !c.head {
		if _, err := io.CopyN(io.Discard, c.from, 9+4); err != nil {
			return err
		}
		c.head = true
	}
	var head [11]byte
	if _, err := io.ReadFull(c.from, head[:]); err != nil {
		return err
	}
	size := int64(head[1])<<16 | int64(head[2])<<8 | int64(head[3])
	if head[7] != 0 {
		return errors.New("a tag at a time of more than 24 bits")
	}
	c.chunks.WriteByte(4)       // chunk stream, header of type 0
	c.chunks.Write(head[4:7])   // time
	c.chunks.Write(head[1:4])   // length
	c.chunks.WriteByte(head[0]) // type
	c.chunks.Write(binary.LittleEndian.AppendUint32(nil, messageStream))
	if _, err := io.CopyN(&c.chunks, c.from, size); err != nil {
		return err
	}
	_, err := io.CopyN(io.Discard, c.from, 4)
	return err
}

// chunkReader reads the chunks.
type chunkReader struct{ c *flvConn }

func (r chunkReader) Read(b []byte) (int, error) {
	for r.c.chunks.Len() == 0 {
		if err := r.c.chunk(); err != nil {
			return 0, err
		}
	}
	return r.c.chunks.Read(b)
}

// Read, Write and the counters are those of gortmplib.Conn.
func (c *flvConn) Read() (message.Message, error) { return c.reader.Read() }
func (c *flvConn) Write(message.Message) error    { return nil }
func (c *flvConn) BytesReceived() uint64          { return 0 }
func (c *flvConn) BytesSent() uint64              { return 0 }
