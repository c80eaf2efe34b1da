package bench

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"
)

// flvViewer plays HTTP-FLV: it counts tags and their bytes, and finds in each frame of ours the stamp of its first packet.
type flvViewer struct {
	*pull
	last time.Time // of the last tag of media; guarded by mu
}

// dialFLV requests a stream and starts to read it.
func dialFLV(ctx context.Context, url, bearer string) (*flvViewer, error) {
	p, streaming := newPull(bearer)
	v := &flvViewer{pull: p}
	stop := context.AfterFunc(ctx, p.end)
	res, err := p.get(streaming, url)
	if !stop() && err == nil {
		res.Body.Close()
		err = ctx.Err()
	}
	if err != nil {
		p.end()
		p.http.CloseIdleConnections()
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, err
	}
	go p.run(func() error {
		defer res.Body.Close()
		return v.read(bufio.NewReaderSize(res.Body, 64<<10))
	})
	return v, nil
}

const (
	flvHeader    = 9
	flvTagHeader = 11
	flvAudio     = 8
	flvVideo     = 9
	flvScript    = 18
)

// read takes tag after tag until the stream ends.
func (v *flvViewer) read(r *bufio.Reader) error {
	head, err := r.Peek(flvHeader)
	if err != nil {
		return fmt.Errorf("flv: no header: %w", err)
	}
	if string(head[:3]) != "FLV" {
		return fmt.Errorf("flv: not FLV: it begins with %q", head)
	}
	if _, err := r.Discard(flvHeader + 4); err != nil { // with PreviousTagSize0
		return flvEnd(err)
	}
	v.count(0, flvHeader+4, Stamp{}, false)
	for {
		head, err := r.Peek(flvTagHeader)
		if err != nil {
			return flvEnd(err)
		}
		kind := head[0] & 0x1f
		size := int(binary.BigEndian.Uint32(head) & 0xffffff)
		if kind != flvAudio && kind != flvVideo && kind != flvScript {
			return fmt.Errorf("flv: tag of type %d: the tags before it had another size than they said", kind)
		}
		stamp, ok := Stamp{}, false
		if begin := flvTagHeader + min(size, flvLook); kind == flvVideo {
			if b, err := r.Peek(begin); err == nil {
				stamp, ok = frameStamp(b[flvTagHeader:])
			}
		}
		if _, err := r.Discard(flvTagHeader + size); err != nil {
			return flvEnd(err)
		}
		if b, err := r.Peek(4); err != nil {
			return flvEnd(err)
		} else if got := binary.BigEndian.Uint32(b); got != uint32(flvTagHeader+size) {
			return fmt.Errorf("flv: PreviousTagSize %d behind a tag of %d bytes", got, flvTagHeader+size)
		}
		_, _ = r.Discard(4) // peeked
		v.count(kind, flvTagHeader+size+4, stamp, ok)
	}
}

func flvEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return errStreamEnded
	}
	return fmt.Errorf("flv: %w", err)
}

// flvLook is how much of a frame is searched for its stamp.
const flvLook = 512

// frameStamp finds the stamp in the first slice of a frame of ours (AVCVIDEOPACKET, NAL units of 4-byte sizes). It is the
// time at which the first packet of that slice was sent.
func frameStamp(b []byte) (Stamp, bool) {
	const avcHeader = 5
	if len(b) < avcHeader || b[0]&0x8f != 7 || b[1] != 1 {
		return Stamp{}, false
	}
	for b = b[avcHeader:]; len(b) > 5; {
		size := int(binary.BigEndian.Uint32(b))
		nal := b[4:]
		if t := nal[0] & 0x1f; t == 1 || t == 5 {
			s, _, ok := readStamp(nal[1:])
			return s, ok
		}
		if size < 0 || size > len(nal) {
			return Stamp{}, false
		}
		b = nal[size:]
	}
	return Stamp{}, false
}

// count adds a tag when all of it has come. The stall is between tags of media.
func (v *flvViewer) count(kind byte, size int, stamp Stamp, stamped bool) {
	at := time.Now()
	v.mu.Lock()
	v.stats.Bytes += uint64(size)
	if kind == 0 {
		v.mu.Unlock()
		return
	}
	v.stats.Packets++
	if stamped {
		v.stats.latency.add(stamp.Latency(at))
	}
	if kind != flvScript {
		if !v.last.IsZero() {
			v.stats.Stall = max(v.stats.Stall, at.Sub(v.last))
		}
		v.last = at
	}
	v.mu.Unlock()
	if kind != flvScript {
		v.media(at)
	}
}

// Stats tells what has come so far; silence until now is part of the longest stall.
func (v *flvViewer) Stats() Stats {
	v.mu.Lock()
	defer v.mu.Unlock()
	s := v.stats
	if !v.last.IsZero() {
		s.Stall = max(s.Stall, time.Since(v.last))
	}
	return s
}

// ResetStats begins a new measurement.
func (v *flvViewer) ResetStats() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.stats = Stats{}
	if !v.last.IsZero() {
		v.last = time.Now()
	}
}
