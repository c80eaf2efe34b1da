package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// hlsViewer plays an HLS playlist as a player does that keeps to real time: it counts segments and their bytes, and stalls
// when what it has had so far has been played.
type hlsViewer struct {
	*pull
	dry time.Time // when what has come will have been played; zero: nothing has come. Guarded by mu
}

// dialHLS begins to ask for a playlist, which need not exist yet.
func dialHLS(playlist, bearer string) *hlsViewer {
	p, ctx := newPull(bearer)
	v := &hlsViewer{pull: p}
	go p.run(func() error { return v.play(ctx, playlist) })
	return v
}

// hlsPoll is the pause before a playlist is asked for again that is not there yet.
const hlsPoll = 200 * time.Millisecond

// play follows the playlist until it ends.
func (v *hlsViewer) play(ctx context.Context, playlist string) error {
	master := false   // one has led us here
	seen := int64(-1) // the media sequence number of the last segment that was taken
	for {
		list, err := v.load(ctx, playlist)
		var status *statusError
		if errors.As(err, &status) && status.code == http.StatusNotFound && seen < 0 {
			wait(ctx, hlsPoll)
			if ctx.Err() != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		if list.variant != "" && master {
			return fmt.Errorf("hls: a master playlist leads to another one at %s", playlist)
		}
		if list.variant != "" {
			playlist, master = list.variant, true
			continue
		}
		news := list.after(seen)
		for _, s := range news {
			if err := v.fetch(ctx, s); err != nil {
				return err
			}
			seen = s.sequence
		}
		if list.ended {
			return errStreamEnded
		}
		if len(news) == 0 {
			wait(ctx, max(list.target/2, hlsPoll)) // RFC 8216 §6.3.4
		}
	}
}

// load gets a playlist.
func (v *hlsViewer) load(ctx context.Context, playlist string) (*hlsList, error) {
	const most = 1 << 20
	res, err := v.get(ctx, playlist)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	return parseHLS(io.LimitReader(res.Body, most), res.Request.URL)
}

// fetch gets a segment. One that is gone already was too old; the next will do.
func (v *hlsViewer) fetch(ctx context.Context, s hlsSegment) error {
	res, err := v.get(ctx, s.url)
	var status *statusError
	if errors.As(err, &status) && status.code == http.StatusNotFound {
		v.mu.Lock()
		v.stats.Gaps++
		v.mu.Unlock()
		return nil
	}
	if err != nil {
		return err
	}
	defer res.Body.Close()
	var first [1]byte
	n, err := io.ReadFull(res.Body, first[:])
	if err != nil {
		return fmt.Errorf("hls: segment %s is empty", res.Request.URL.Path)
	}
	v.media(time.Now())
	more, err := io.Copy(io.Discard, res.Body)
	v.count(int64(n)+more, s.duration, time.Now())
	if err != nil {
		return fmt.Errorf("hls: segment %s: %w", res.Request.URL.Path, err)
	}
	return nil
}

// count adds a segment when all of it has come.
func (v *hlsViewer) count(size int64, duration time.Duration, at time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.stats.Packets++
	v.stats.Bytes += uint64(size)
	if v.dry.IsZero() {
		v.dry = at
	}
	if at.After(v.dry) {
		v.stats.Stall = max(v.stats.Stall, at.Sub(v.dry))
		v.dry = at
	}
	v.dry = v.dry.Add(duration)
}

// Stats tells what has come so far; a stall that lasts is part of it.
func (v *hlsViewer) Stats() Stats {
	v.mu.Lock()
	defer v.mu.Unlock()
	s := v.stats
	if !v.dry.IsZero() {
		s.Stall = max(s.Stall, time.Since(v.dry))
	}
	return s
}

// ResetStats begins a new measurement.
func (v *hlsViewer) ResetStats() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.stats = Stats{}
	if now := time.Now(); v.dry.Before(now) && !v.dry.IsZero() {
		v.dry = now
	}
}

// hlsList is a playlist (RFC 8216).
type hlsList struct {
	variant  string // of a master playlist, the first of its playlists; nothing else then
	segments []hlsSegment
	target   time.Duration
	ended    bool
}

type hlsSegment struct {
	url      string
	sequence int64
	duration time.Duration
}

// after returns the segments behind one; a viewer that has had none begins three before the end (RFC 8216 §6.3.3).
func (l *hlsList) after(seen int64) []hlsSegment {
	for i, s := range l.segments {
		if seen >= 0 && s.sequence > seen {
			return l.segments[i:]
		}
	}
	if seen >= 0 {
		return nil
	}
	return l.segments[max(0, len(l.segments)-3):]
}

// parseHLS reads a playlist; its URLs are relative to its own.
func parseHLS(r io.Reader, base *url.URL) (*hlsList, error) {
	l := new(hlsList)
	lines := bufio.NewScanner(r)
	if !lines.Scan() || !strings.HasPrefix(strings.TrimPrefix(lines.Text(), "\ufeff"), "#EXTM3U") {
		return nil, fmt.Errorf("hls: %s is no playlist: it does not begin with #EXTM3U", base.Path)
	}
	var next hlsSegment
	master := false
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		tag, value, _ := strings.Cut(line, ":")
		switch {
		case tag == "#EXT-X-STREAM-INF":
			master = true
		case tag == "#EXT-X-TARGETDURATION":
			l.target = hlsSeconds(value)
		case tag == "#EXT-X-MEDIA-SEQUENCE" && len(l.segments) == 0: // RFC 8216 section 4.3.3.2: before the first segment
			next.sequence, _ = strconv.ParseInt(value, 10, 64) // without one it is 0
			next.sequence = max(next.sequence, 0)
		case tag == "#EXTINF":
			number, _, _ := strings.Cut(value, ",")
			next.duration = hlsSeconds(number)
		case tag == "#EXT-X-ENDLIST":
			l.ended = true
		case line != "" && line[0] != '#':
			at, err := base.Parse(line)
			if err != nil {
				return nil, fmt.Errorf("hls: %s: %w", base.Path, err)
			}
			if master {
				return &hlsList{variant: at.String()}, nil
			}
			next.url = at.String()
			l.segments = append(l.segments, next)
			next = hlsSegment{sequence: next.sequence + 1}
		}
	}
	return l, lines.Err()
}

// hlsSeconds reads a duration; what is none, or absurd, is 0.
func hlsSeconds(s string) time.Duration {
	const most = 3600
	seconds, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	if err != nil || !(seconds > 0 && seconds < most) {
		return 0
	}
	return time.Duration(seconds * float64(time.Second))
}
