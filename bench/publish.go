package bench

import (
	"context"
	"errors"
	"time"

	"github.com/pion/rtcp"
)

// Publish sends a synthetic stream until ctx ends or the client is closed. While there is no path the packets are lost, and
// it goes on when there is one again.
func (c *Client) Publish(ctx context.Context, o SourceOptions) error {
	if c.opt.Role != Publish {
		return errors.New("publish: the client was dialled to play")
	}
	o = o.withDefaults()
	s := &schedule{source: newSource(o, c.answer, c.ssrc), client: c, start: time.Now()}
	if s.source.video == nil {
		s.videoDue = never
	}
	if s.source.audio == nil {
		s.audioDue = never
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		timer.Reset(time.Until(s.start.Add(s.due())))
		select {
		case <-ctx.Done():
			return nil
		case <-c.links.closed:
			return errClosed
		case <-timer.C:
		}
		if err := c.Err(); errors.Is(err, errByServer) {
			return err
		}
		s.run(time.Now())
	}
}

const never = time.Duration(1<<63 - 1)

// schedule says when which packets of a source are sent. Times count from start.
type schedule struct {
	source *source
	client *Client
	start  time.Time

	videoDue, audioDue, reportDue time.Duration
	frame                         time.Duration // when the frame under way was due
	keyDue                        time.Duration
}

func (s *schedule) due() time.Duration { return min(s.videoDue, s.audioDue, s.reportDue) }

// run sends what is due. A schedule that is much too late begins anew: a burst of what was missed helps nobody.
func (s *schedule) run(now time.Time) {
	const tooLate = 200 * time.Millisecond
	due := s.due()
	late := now.Sub(s.start) - due
	if late > tooLate {
		s.start = s.start.Add(late)
	}
	if int64(late) > s.client.tx.late.Load() {
		s.client.tx.late.Store(int64(late))
	}
	switch due {
	case s.audioDue:
		_ = s.client.SendRTP(s.source.sound(s.source.audio.timestamp(due), now)...)
		s.audioDue += audioPeriod
	case s.videoDue:
		s.video(now)
	default:
		s.report(now, due)
		s.reportDue += time.Second
	}
}

// video sends the next piece of a frame, which over TCP is all of it unless the source is paced.
func (s *schedule) video(now time.Time) {
	src := s.source
	interval := time.Second / time.Duration(src.opt.FPS)
	if src.done == src.total {
		s.frame = s.videoDue
		key := s.client.tx.keyframe.Swap(false) || s.frame >= s.keyDue
		if key {
			s.keyDue = s.frame + src.opt.Keyframe
		}
		src.begin(key)
	}
	piece, pause := src.pieces(s.spread(interval))
	_ = s.client.SendRTP(src.next(piece, src.video.timestamp(s.frame), now)...)
	if src.done < src.total {
		s.videoDue += pause
	} else {
		s.videoDue = s.frame + interval
	}
}

// spread is the time over which a frame's packets are sent. Unless told otherwise it is the first half of the frame's own
// over UDP, and none over TCP.
func (s *schedule) spread(interval time.Duration) time.Duration {
	switch {
	case s.source.opt.Pace > 0:
		return min(s.source.opt.Pace, interval)
	case s.client.Network() == "udp":
		return interval / 2
	}
	return 0
}

// report sends a sender report of each track.
func (s *schedule) report(now time.Time, at time.Duration) {
	var packets []rtcp.Packet
	for _, l := range []*lane{s.source.audio, s.source.video} {
		if l == nil {
			continue
		}
		packets = append(packets, &rtcp.SenderReport{
			SSRC: l.ssrc, NTPTime: ntpTime(now), RTPTime: l.timestamp(at), PacketCount: l.packets, OctetCount: l.octets,
		}, description(l.ssrc))
	}
	_ = s.client.sendReports(packets...)
}

// ntpTime is the 64-bit format of RFC 5905 §6.
func ntpTime(t time.Time) uint64 {
	const since1900 = 2208988800
	return uint64(t.Unix()+since1900)<<32 | uint64(t.Nanosecond())<<32/1e9
}
