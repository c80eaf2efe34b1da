package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"oneport/flv"
	"oneport/media"
	"oneport/stream"
)

// Why a viewer by HTTP is refused or ends, where no lower package says it.
var (
	errUnpublished = errors.New("the publisher has ended the stream")
	errGone        = errors.New("the client went away")
	errNotBridged  = statusError{http.StatusNotAcceptable, "the stream is published by WebRTC, and rtc.rtc_to_rtmp is off for this virtual host"}
)

const (
	// startPatience is how long a viewer waits for the first frame of sound when there is a picture, or the other way.
	startPatience = time.Second
	// waitingLook is how often a viewer is looked at that waits for something.
	waitingLook = 250 * time.Millisecond

	frameBatch = 64        // frames that are taken from the stream at once
	flvBatch   = 64 << 10  // bytes that are written at once, about
	flvKept    = 256 << 10 // a buffer that has grown larger is not used again
)

// flvBuffers are lent to viewers for a write each.
type flvBuffers struct{ pool sync.Pool }

func (p *flvBuffers) get() []byte {
	if b, ok := p.pool.Get().(*[]byte); ok {
		return (*b)[:0]
	}
	return make([]byte, 0, flvBatch)
}

func (p *flvBuffers) put(b []byte) {
	if cap(b) <= flvKept {
		p.pool.Put(&b)
	}
}

// serveFLV plays a stream by HTTP-FLV, in the request's goroutine. A stream that is not live is waited for, as SRS does.
func (s *Server) serveFLV(w http.ResponseWriter, r *http.Request, m *remux, app, name string) {
	switch r.Method {
	case http.MethodGet:
	case http.MethodHead:
		flvHeaders(w)
		return
	default:
		w.Header().Set("Allow", "GET, HEAD, OPTIONS")
		if r.Method != http.MethodOptions {
			http.Error(w, "a stream takes GET", http.StatusMethodNotAllowed)
		}
		return
	}
	v, err := s.watch(r, m, stream.Name{Vhost: m.vhost.Name, App: app, Stream: name})
	if err != nil {
		s.stats.refused.Add(1)
		s.log.Debug("viewer refused", "path", fmt.Sprintf("%.200s", r.URL.Path), "ip", clientIP(r), "why", err)
		refuse(w, err)
		return
	}
	p := &flvPlayer{viewer: v, out: s.newSink(w, r), conf: &m.vhost.Settings}
	hurried := make(chan struct{})
	stop := context.AfterFunc(v.ctx, func() {
		p.out.hurry()
		close(hurried)
	})
	err = p.play()
	if !stop() {
		<-hurried // the response must not be touched when the handler has returned
	}
	p.out.end(err)
	v.end(err)
	if refusal := (statusError{}); errors.As(err, &refusal) && !p.out.begun() {
		s.stats.refused.Add(1)
		refuse(w, err)
	}
}

func flvHeaders(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "video/x-flv")
	w.Header().Set("Cache-Control", "no-cache")
}

// flvPlayer is one viewer of FLV, by HTTP or by WebSocket.
type flvPlayer struct {
	*viewer
	out  sink
	conf *VhostConf

	begun   bool          // the FLV header has been made
	opened  bool          // a publication's first frame has been taken
	epoch   uint64        // of the publication that is played
	seen    time.Time     // when the first format was known
	base    time.Duration // what the viewer counts its time from
	formats [media.Kinds]*media.FrameFormat
	items   []media.FrameItem
}

// play sends the stream until it or the client ends, and says which.
func (p *flvPlayer) play() error {
	look := time.NewTicker(waitingLook)
	defer look.Stop()
	for {
		now := time.Now()
		status := p.reader.Status()
		over, err := p.judge(now, &status)
		if err != nil {
			return err
		}
		if !over || p.begun {
			if err := p.deliver(now, &status); err != nil {
				return err
			}
		}
		if over {
			return errUnpublished
		}
		if p.begun {
			look.Stop()
		}
		select {
		case <-p.wake:
		case <-look.C:
		case <-p.ctx.Done():
			return context.Cause(p.ctx)
		case <-p.out.gone():
			return errGone
		}
	}
}

// judge says whether the publication that is played is over, and why there is nothing to play.
func (p *flvPlayer) judge(now time.Time, status *stream.FrameStatus) (over bool, err error) {
	if !status.Live {
		if p.epoch != 0 {
			return true, nil
		}
		if expired, reason := p.reader.Expired(now); expired {
			return false, errors.New(reason)
		}
		return false, p.out.begin()
	}
	if p.epoch == 0 {
		p.epoch = status.Epoch
	}
	if p.epoch != status.Epoch {
		return false, errUnpublished
	}
	if status.Packets && !p.conf.RTC.ToRTMP {
		return false, errNotBridged
	}
	if p.begun {
		return false, nil
	}
	return false, p.carried(status)
}

// carried says whether FLV can carry what the stream has; the error names the codec that it can't.
func (p *flvPlayer) carried(status *stream.FrameStatus) error {
	var codecs [media.Kinds]media.Codec
	for _, f := range p.hub.Formats(p.name) {
		codecs[f.Codec.Kind()] = f.Codec
	}
	if video := codecs[media.Video]; video != 0 && p.conf.Remux.HasVideo {
		if err := flv.CheckCodec(video); err != nil {
			return statusError{http.StatusNotAcceptable, err.Error() + "; publish H264, H265, AV1 or VP9"}
		}
		return nil
	}
	sound := codecs[media.Audio]
	if sound != 0 && sound != media.Opus && status.Packets && status.Formats[media.Video] == nil {
		return statusError{http.StatusNotAcceptable, fmt.Sprintf("flv: %v cannot be carried; publish Opus", sound)}
	}
	return nil
}

// ready says whether every format is known that the stream will have, so that all can be told before the first frame.
func (p *flvPlayer) ready(now time.Time, status *stream.FrameStatus) bool {
	if status.Formats == ([media.Kinds]*media.FrameFormat{}) {
		return false
	}
	if p.seen.IsZero() {
		p.seen = now
	}
	if now.Sub(p.seen) >= startPatience {
		return true
	}
	for _, f := range p.hub.Formats(p.name) {
		convertible := f.Codec.Kind() == media.Video || f.Codec == media.Opus
		if convertible && status.Formats[f.Codec.Kind()] == nil {
			return false
		}
	}
	return true
}

// deliver sends everything that there is.
func (p *flvPlayer) deliver(now time.Time, status *stream.FrameStatus) error {
	if !p.begun && !p.ready(now, status) {
		if now.Sub(p.created) > startPatience {
			return p.out.begin() // what comes later than that is waited for as if there were no publisher
		}
		return nil
	}
	for {
		p.items = p.reader.Next(time.Now(), p.items[:0], frameBatch)
		if len(p.items) == 0 {
			return nil
		}
		if err := p.send(status); err != nil {
			return err
		}
	}
}

// send writes the frames that were taken, in pieces.
func (p *flvPlayer) send(status *stream.FrameStatus) (err error) {
	buf := p.server.buffers.get()
	defer func() {
		p.server.buffers.put(buf)
		clear(p.items)
	}()
	if !p.begun {
		if buf, err = p.begin(buf, status); err != nil {
			return err
		}
	}
	for _, item := range p.items {
		if item.Break == media.Restarted {
			if p.opened {
				return errUnpublished
			}
			p.opened = true
		}
		if buf, err = p.append(buf, item.Frame); err != nil {
			return err
		}
		if len(buf) >= flvBatch {
			if err := p.write(buf); err != nil {
				return err
			}
			buf = buf[:0]
		}
	}
	return p.write(buf)
}

// begin appends what comes before the first frame: the file header, the metadata and the sequence headers.
func (p *flvPlayer) begin(buf []byte, status *stream.FrameStatus) ([]byte, error) {
	p.begun, p.base = true, p.items[0].From
	p.formats = status.Formats
	wanted := [media.Kinds]bool{media.Audio: p.conf.Remux.HasAudio, media.Video: p.conf.Remux.HasVideo}
	for k, f := range p.formats {
		if !wanted[k] {
			p.formats[k] = nil
		} else if p.conf.Remux.GuessAV {
			wanted[k] = f != nil
		}
	}
	buf = flv.AppendHeader(buf, wanted[media.Audio], wanted[media.Video])
	buf = flv.MetadataTag(p.formats[media.Audio], p.formats[media.Video], 0).Append(buf)
	for _, f := range slices.Backward(p.formats[:]) { // the picture first
		if f == nil {
			continue
		}
		tag, err := flv.ConfigTag(f, 0)
		if err != nil {
			return buf, statusError{http.StatusNotAcceptable, err.Error()}
		}
		buf = tag.Append(buf)
	}
	p.started()
	return buf, nil
}

// append appends a frame's tag, with the sequence header before it if the format is another.
func (p *flvPlayer) append(buf []byte, f *media.Frame) ([]byte, error) {
	kind := f.Kind()
	if kind == media.Audio && !p.conf.Remux.HasAudio || kind == media.Video && !p.conf.Remux.HasVideo {
		return buf, nil
	}
	at := max(f.DTS-p.base, 0)
	if p.formats[kind] != f.Format {
		p.formats[kind] = f.Format
		tag, err := flv.ConfigTag(f.Format, at)
		if err != nil {
			return buf, err
		}
		buf = tag.Append(buf)
	}
	buf, err := flv.AppendFrame(buf, f, at)
	if err == nil {
		p.frames.Add(1)
	}
	return buf, err
}

// write gives the client what there is for it. It may wait, which is nobody's concern but the viewer's own.
func (p *flvPlayer) write(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	err := p.out.begin()
	if err == nil {
		err = p.out.write(b)
	}
	switch {
	case p.ctx.Err() != nil:
		return context.Cause(p.ctx)
	case err != nil:
		return fmt.Errorf("%w: %w", errGone, err)
	}
	p.sent.Add(uint64(len(b)))
	return nil
}
