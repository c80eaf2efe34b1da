package hls

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"oneport/fmp4"
	"oneport/media"
)

// kindAll stands for every kind.
const kindAll = media.Kinds

// mark stands in a rendered playlist where a viewer's own query comes.
const mark = "\x00"

// Playlist is the media playlist (RFC 8216), for LL-HLS with the parts of what is newest. The query, which must be fit for a
// quoted string, is added to what it names, but for keys of another server; "" adds nothing.
func (m *Muxer) Playlist(query string) string {
	if m.text == "" {
		m.text = m.render(m.opts.Part > 0)
	}
	return strings.ReplaceAll(m.text, mark, query)
}

// render writes the playlist, with parts or without, and with a mark where queries come.
func (m *Muxer) render(low bool) string {
	w := &playlistWriter{m: m, dir: m.opts.Names.playlist(), low: low}
	w.head()
	// Parts are listed from three target durations before the end on.
	total := time.Duration(0)
	from := len(m.list)
	for from > 0 && total < 3*m.target {
		from--
		total += m.list[from].Duration()
	}
	for i, s := range m.list {
		w.before(s)
		if low && i >= from {
			w.parts(s)
		}
		w.line("#EXTINF:%s,", seconds(s.Duration()))
		w.line("%s%s", w.entry(s.name), mark)
	}
	if low && m.cur != nil {
		w.before(m.cur)
		w.parts(m.cur)
		w.line(`#EXT-X-PRELOAD-HINT:TYPE=PART,URI="%s%s"`, w.entry(m.opts.Names.part(m.cur, len(m.cur.parts))), mark)
	}
	return w.b.String()
}

// playlistWriter writes one playlist.
type playlistWriter struct {
	m   *Muxer
	b   strings.Builder
	dir string
	low bool

	run *run // of the segment before
	key *key
}

func (w *playlistWriter) line(format string, args ...any) {
	fmt.Fprintf(&w.b, format, args...)
	w.b.WriteByte('\n')
}

// uri names a file.
func (w *playlistWriter) uri(name string) string { return relative(w.dir, name) }

// entry names a segment or a part. Behind a prefix with a slash at its end comes the name alone, behind another the whole path.
func (w *playlistWriter) entry(name string) string {
	switch prefix := w.m.opts.Names.EntryPrefix; {
	case prefix == "":
		return w.uri(name)
	case strings.HasSuffix(prefix, "/"):
		return prefix + strings.TrimPrefix(w.uri(name), "/")
	default:
		return prefix + "/" + escape(name)
	}
}

func (w *playlistWriter) head() {
	m := w.m
	version := 3
	switch {
	case w.low:
		version = 9
	case m.opts.MP4:
		version = 6
	}
	w.line("#EXTM3U")
	w.line("#EXT-X-VERSION:%d", version)
	w.line("#EXT-X-TARGETDURATION:%d", m.target/time.Second)
	if w.low {
		w.line("#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=%s", seconds(3*m.part))
		w.line("#EXT-X-PART-INF:PART-TARGET=%s", seconds(m.part))
	}
	if len(m.list) == 0 {
		return
	}
	first := m.list[0]
	w.line("#EXT-X-MEDIA-SEQUENCE:%d", first.Number)
	if n := first.run.number; n > 0 {
		if first.turns() {
			n-- // the tag that stands before the segment counts it
		}
		w.line("#EXT-X-DISCONTINUITY-SEQUENCE:%d", n)
	}
	if !slices.ContainsFunc(m.list, func(s *Segment) bool { return !s.Independent }) {
		w.line("#EXT-X-INDEPENDENT-SEGMENTS")
	}
}

// turns says whether a discontinuity is before the segment.
func (s *Segment) turns() bool { return s.Number == s.run.first && s.run.number > 0 }

// before writes what has changed since the segment before.
func (w *playlistWriter) before(s *Segment) {
	if s.turns() {
		w.line("#EXT-X-DISCONTINUITY")
	}
	if s.run != w.run && w.m.opts.MP4 {
		if w.key != nil {
			w.line("#EXT-X-KEY:METHOD=NONE") // the initialization segment is not encrypted
			w.key = nil
		}
		w.line(`#EXT-X-MAP:URI="%s%s"`, w.uri(s.run.inits[kindAll].name), mark)
	}
	if s.key != w.key {
		uri := w.uri(s.key.name) + mark
		if prefix := w.m.opts.Names.KeyPrefix; prefix != "" {
			uri = prefix + escape(s.key.name)
		}
		w.line(`#EXT-X-KEY:METHOD=AES-128,URI="%s"`, uri)
	}
	w.run, w.key = s.run, s.key
	w.line("#EXT-X-PROGRAM-DATE-TIME:%s", s.run.clock(s.Start).UTC().Format("2006-01-02T15:04:05.000Z"))
}

func (w *playlistWriter) parts(s *Segment) {
	for i, p := range s.parts {
		independent := ""
		if p.independent {
			independent = ",INDEPENDENT=YES"
		}
		w.line(`#EXT-X-PART:DURATION=%s,URI="%s%s"%s`, seconds(millis(p.end)-millis(p.start)), w.entry(w.m.opts.Names.part(s, i)), mark, independent)
	}
}

// seconds writes a duration of whole milliseconds.
func seconds(d time.Duration) string {
	return fmt.Sprintf("%d.%03d", d/time.Second, d%time.Second/time.Millisecond)
}

// Master is a multivariant playlist of the one playlist there is, named with a query.
func (m *Muxer) Master(query string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "#EXTM3U\n#EXT-X-VERSION:%d\n", 3)
	peak, average := m.bandwidth(kindAll)
	fmt.Fprintf(&b, "#EXT-X-STREAM-INF:BANDWIDTH=%d,AVERAGE-BANDWIDTH=%d", peak, average)
	if len(m.list) > 0 {
		var codecs []string
		for _, t := range slices.Backward(m.list[len(m.list)-1].run.all()) {
			if name := fmp4.CodecName(t.Format); name != "" {
				codecs = append(codecs, name)
			}
			if f := t.Format; f.Width > 0 {
				fmt.Fprintf(&b, ",RESOLUTION=%dx%d", f.Width, f.Height)
			}
		}
		fmt.Fprintf(&b, `,CODECS="%s"`, strings.Join(codecs, ","))
	}
	fmt.Fprintf(&b, "\n%s%s\n", relative(m.opts.Names.playlist(), m.opts.Names.playlist()), query)
	return b.String()
}

// bandwidth is the highest and the average rate of the listed segments in bit/s, of one kind or of all.
func (m *Muxer) bandwidth(kind media.Kind) (peak, average int) {
	var bits, millis int
	for _, s := range m.list {
		n := s.sizes[kind] * 8
		length := max(int(s.Duration().Milliseconds()), 1)
		bits += n
		millis += length
		peak = max(peak, n*1000/length)
	}
	return max(peak, 1), max(bits*1000/max(millis, 1), 1)
}
