package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"oneport/media"
	"oneport/stream"
)

// Why a viewer of frames is refused or ends, where no lower package says it.
var (
	errUnpublished = errors.New("the publisher has ended the stream")
	errGone        = errors.New("the client went away")
	errNothing     = statusError{http.StatusNotAcceptable, "the stream has nothing of what is asked for: it may be picture without sound, or the other way"}
	errNotBridged  = statusError{http.StatusNotAcceptable, "the stream is published by WebRTC, and rtc.rtc_to_rtmp is off for this virtual host"}
)

const (
	// waitingLook is how often a viewer is looked at that waits for something.
	waitingLook = 250 * time.Millisecond

	frameBatch = 64        // frames that are taken from the stream at once
	playBatch  = 64 << 10  // bytes that are written at once, about
	playKept   = 256 << 10 // a buffer that has grown larger is not used again
)

// A muxer turns frames into the bytes of a protocol. Each viewer has its own, which may keep state. Times are counted from
// the viewer's first frame.
type muxer interface {
	// CheckCodec says whether the protocol can carry a codec; the error names it.
	CheckCodec(media.Codec) error
	// Begin appends what comes before the first frame. The formats are those known of what will be sent.
	Begin(dst []byte, formats [media.Kinds]*media.FrameFormat) ([]byte, error)
	// Change appends what must be told before the first frame of a format that Begin or Change has not had.
	Change(dst []byte, f *media.FrameFormat, at time.Duration) ([]byte, error)
	// Append appends a frame that is to be decoded at a time; it is shown as much later as the frame says.
	Append(dst []byte, f *media.Frame, at time.Duration) ([]byte, error)
}

// A sink is where the bytes for a viewer go. Its methods are called by the viewer's goroutine, but for hurry.
type sink interface {
	begin() error // answers the client, if that has not been done
	begun() bool
	write(b []byte) error  // waits for the client, at most writePatience; b is the caller's again afterwards
	gone() <-chan struct{} // closed when the client has gone
	hurry()                // ends a write that waits and lets no other wait; any goroutine may call it
	end(reason error)
}

// playBuffers are lent to viewers for a write each.
type playBuffers struct{ pool sync.Pool }

func (p *playBuffers) get() []byte {
	if b, ok := p.pool.Get().(*[]byte); ok {
		return (*b)[:0]
	}
	return make([]byte, 0, playBatch)
}

func (p *playBuffers) put(b []byte) {
	if cap(b) <= playKept {
		p.pool.Put(&b)
	}
}

// player is one viewer of frames, whatever it speaks.
type player struct {
	*viewer
	appetite
	mux muxer
	out sink

	begun   bool          // the muxer has begun
	opened  bool          // a publication's first frame has been taken
	epoch   uint64        // of the publication that is played
	base    time.Duration // what the viewer counts its time from
	formats [media.Kinds]*media.FrameFormat
	items   []media.FrameItem
}

// newPlayer makes the player of a viewer, which wants all that there is.
func newPlayer(v *viewer, mux muxer, out sink, conf *VhostConf) *player {
	return &player{viewer: v, mux: mux, out: out, appetite: appetite{
		wanted: [media.Kinds]bool{media.Audio: true, media.Video: true}, carries: mux.CheckCodec, bridged: conf.RTC.ToRTMP,
	}}
}

// play sends the stream until it or the client ends, ends the viewer, and says why. It gives up its sink before it returns.
func (p *player) play() (err error) {
	hurried := make(chan struct{})
	stop := context.AfterFunc(p.ctx, func() {
		p.out.hurry()
		close(hurried)
	})
	err = errPanic
	defer func() { p.end(err) }()
	p.server.survive(p.log, "a player", func() { err = p.run() })
	if !stop() {
		<-hurried
	}
	p.out.end(err)
	return err
}

func (p *player) run() error {
	look := time.NewTicker(waitingLook)
	defer look.Stop()
	for {
		now := time.Now()
		status := p.reader.Status()
		over, err := p.judge(now, &status)
		if err != nil {
			return err
		}
		if status.Live || over {
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

// refused says whether what ended the viewer is also the answer that it gets: nothing was sent, and it is still there.
func (p *player) refused(why error) bool { return !p.out.begun() && !errors.Is(why, errGone) }

// judge says whether the publication that is played is over, and why there is nothing to play. A viewer that was sent nothing of a
// publication plays none yet.
func (p *player) judge(now time.Time, status *stream.FrameStatus) (over bool, err error) {
	if status.Broken {
		return false, errPanic
	}
	if !status.Live {
		if p.begun {
			return true, nil
		}
		return false, p.await(now)
	}
	if p.begun && p.epoch != status.Epoch {
		return false, errUnpublished
	}
	p.epoch = status.Epoch
	if !p.udp && p.server.onlyBySRT(p.name) {
		return false, errNotFromSRT
	}
	if p.begun {
		return false, nil
	}
	return false, p.check(p.hub, p.name, status)
}

// await has the viewer wait for a publisher, among those who do.
func (p *player) await(now time.Time) error {
	if expired, reason := p.reader.Expired(now); expired {
		return expiredError(reason)
	}
	if err := p.queue(); err != nil {
		return err
	}
	return p.out.begin()
}

// deliver sends everything that there is. A viewer that has nothing for long is answered all the same, as if there were no
// publisher: what it waits for may be a keyframe.
func (p *player) deliver(now time.Time, status *stream.FrameStatus) error {
	for p.begun || p.ready(now, p.hub, p.name, status) {
		p.items = p.reader.Next(time.Now(), p.items[:0], frameBatch)
		if len(p.items) == 0 {
			break
		}
		if err := p.send(status); err != nil {
			return err
		}
	}
	if !p.begun && now.Sub(p.created) > startPatience {
		return p.out.begin()
	}
	return nil
}

// send writes the frames that were taken, in pieces.
func (p *player) send(status *stream.FrameStatus) (err error) {
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
		if len(buf) >= playBatch {
			if err := p.write(buf); err != nil {
				return err
			}
			buf = buf[:0]
		}
	}
	return p.write(buf)
}

// begin appends what comes before the first frame.
func (p *player) begin(buf []byte, status *stream.FrameStatus) ([]byte, error) {
	p.begun, p.base = true, p.items[0].From
	for k, f := range status.Formats {
		if p.takes(f) {
			p.formats[k] = f
		}
	}
	if p.formats == ([media.Kinds]*media.FrameFormat{}) {
		return buf, errNothing
	}
	buf, err := p.mux.Begin(buf, p.formats)
	if err != nil {
		return buf, notAcceptable(err)
	}
	p.started()
	return buf, nil
}

// append appends a frame, and what a decoder must know before it if the format is another.
func (p *player) append(buf []byte, f *media.Frame) (_ []byte, err error) {
	kind, at := f.Kind(), max(f.DTS-p.base, 0)
	if p.formats[kind] != f.Format {
		if !p.takes(f.Format) {
			return buf, nil
		}
		p.formats[kind] = f.Format
		if buf, err = p.mux.Change(buf, f.Format, at); err != nil {
			return buf, err
		}
	}
	if buf, err = p.mux.Append(buf, f, at); err == nil {
		p.frames.Add(1)
	}
	return buf, err
}

// write gives the client what there is for it. It may wait, which is nobody's concern but the viewer's own.
func (p *player) write(b []byte) error {
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
