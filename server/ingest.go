package server

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"oneport/api"
	"oneport/flv"
	"oneport/media"
	"oneport/stream"
)

// ingest is a publisher of frames, whatever it speaks: its place in a stream, and what is known of it.
//
// Its session feeds it from one goroutine and watches ctx, which is done when the publisher has to go: kicked, replaced, or
// at the server's end. The session then ends its connection and calls end with context.Cause(ctx).
type ingest struct {
	identity
	server *Server
	log    *slog.Logger
	conf   *VhostConf

	publication *stream.Publication
	ctx         context.Context
	cancel      context.CancelCauseFunc
	formats     [media.Kinds]*media.FrameFormat // owned by the session's goroutine

	received atomic.Uint64 // bytes
	frames   atomic.Uint64
	rejected atomic.Uint64 // what came and was left out: broken, unknown, or without its parameters
	rebased  atomic.Uint64 // jumps of the publisher's clock
	asked    atomic.Uint64 // keyframes that were wanted; there is no way to ask for them
}

// publishFrames gives a publisher its place in a stream. The name's virtual host may be any host that the client called.
// Among the errors are stream.ErrBusy and errNoVhost.
func (s *Server) publishFrames(name stream.Name, from origin) (*ingest, error) {
	i, err := s.tryPublishFrames(name, from)
	if err != nil {
		s.stats.refused.Add(1)
		s.crowd.Info("client refused", "stream", fmt.Sprintf("%.200s", name), "ip", from.ip, "publish", true, "transport", from.kind, "why", err)
	}
	return i, err
}

func (s *Server) tryPublishFrames(name stream.Name, from origin) (*ingest, error) {
	vhost := s.config.Vhosts.Find(name.Vhost)
	if vhost == nil {
		return nil, fmt.Errorf("%w: %.100s", errNoVhost, name.Vhost)
	}
	name.Vhost = vhost.Name
	if err := checkName(name); err != nil {
		return nil, err
	}
	id := randomText(8)
	i := &ingest{
		identity: identity{origin: from, id: id, name: name, publish: true, created: time.Now()},
		server:   s, log: s.log.With("session", id), conf: &vhost.Settings,
	}
	i.ctx, i.cancel = context.WithCancelCause(context.Background())
	var err error
	if i.publication, err = s.hubs[vhost.Name].PublishFrames(i.created, name, i); err != nil {
		i.cancel(err)
		return nil, err
	}
	if err := s.ingests.add(i); err != nil {
		i.cancel(err)
		i.publication.Close()
		return nil, err
	}
	s.stats.joined.Add(1)
	i.log.Info("session started", "stream", name.String(), "role", "publish", "transport", i.kind, "remote", i.remote)
	return i, nil
}

// heard counts bytes that came from the publisher.
func (i *ingest) heard(bytes int) { i.received.Add(uint64(bytes)) }

// push gives a frame to the stream. Its times have to be those of media.Frame: from the publication's beginning, and never
// going back within a kind; the reader of the protocol sees to that. The frame is the stream's from then on.
func (i *ingest) push(f *media.Frame) {
	if k := f.Kind(); i.formats[k] != f.Format {
		i.tellFormat(k, f.Format)
	}
	i.frames.Add(1)
	flv.Encode(f)
	i.publication.PushFrame(f)
}

// tellFormat logs what the publisher sends, in full view the first time only: it may change with every frame.
func (i *ingest) tellFormat(k media.Kind, f *media.FrameFormat) {
	level := slog.LevelDebug
	if i.formats[k] == nil {
		level = slog.LevelInfo
	}
	i.formats[k] = f
	if k == media.Video {
		i.log.Log(i.ctx, level, "publisher sends video", "codec", f.Codec.String(), "width", f.Width, "height", f.Height)
		return
	}
	i.log.Log(i.ctx, level, "publisher sends audio", "codec", f.Codec.String(), "sample_rate", f.SampleRate, "channels", f.Channels)
}

// RequestKeyframe is part of stream.Publisher. An encoder that sends frames can't be asked for anything: viewers wait for the
// keyframe that it sends of its own accord.
func (i *ingest) RequestKeyframe() { i.asked.Add(1) }

// Alive is part of stream.Publisher. That frames come, the stream knows.
func (i *ingest) Alive(time.Time) time.Duration {
	if i.ctx.Err() != nil {
		return 0
	}
	return stream.Forever
}

// Replaced is part of stream.Publisher.
func (i *ingest) Replaced() { i.cancel(errReplaced) }

func (i *ingest) dismiss(reason error)           { i.cancel(reason) }
func (i *ingest) bytes() (received, sent uint64) { return i.received.Load(), 0 }

// end gives up the place in the stream, counts what came, and says why, how long and how much. It is called once.
func (i *ingest) end(reason error) {
	i.cancel(reason)
	i.publication.Close()
	s := i.server
	s.retiring.Lock()
	s.stats.received.bytes.Add(i.received.Load())
	s.stats.frames.received.Add(i.frames.Load())
	s.stats.frames.rejected.Add(i.rejected.Load())
	s.stats.frames.rebased.Add(i.rebased.Load())
	s.stats.frames.unasked.Add(i.asked.Load())
	s.ingests.remove(i)
	s.retiring.Unlock()
	i.log.Info("session ended", "stream", i.name.String(), "role", "publish", "transport", i.kind, "why", reason.Error(),
		"lasted", time.Since(i.created).Round(time.Millisecond).String(), "frames_in", i.frames.Load(), "bytes_in", i.received.Load(),
		"rejected", i.rejected.Load(), "jumps", i.rebased.Load())
	s.ingests.left.Done()
}

// describe is the publisher as the API shows it.
func (i *ingest) describe() api.Client {
	c := i.server.present(i.who(), i.received.Load(), 0)
	c.Packets, c.Lost = i.frames.Load(), i.rejected.Load()
	return c
}

func (i *ingest) count(t *traffic) {
	t.publishers[i.kind]++
	t.bytesIn += i.received.Load()
	t.frames.received += i.frames.Load()
	t.frames.rejected += i.rejected.Load()
	t.frames.rebased += i.rebased.Load()
	t.frames.unasked += i.asked.Load()
}
