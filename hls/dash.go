package hls

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
	"time"

	"oneport/fmp4"
	"oneport/media"
)

// MPD is the manifest of DASH (ISO/IEC 23009-1) as of now: a period for each run, an adaptation set for each track, and every
// segment's time. The query is added to the names of segments, as in Playlist.
func (m *Muxer) MPD(now time.Time, query string) []byte { return m.mpdText(now, true, query) }

func (m *Muxer) mpdText(now time.Time, clock bool, query string) []byte {
	w := &mpdWriter{m: m, query: query}
	w.line(`<?xml version="1.0" encoding="UTF-8"?>`)
	if len(m.list) == 0 {
		return nil
	}
	start := m.began // must never change
	w.line(`<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-live:2011" type="dynamic" availabilityStartTime="%s" publishTime="%s" minimumUpdatePeriod="%s" timeShiftBufferDepth="%s" minBufferTime="%s" suggestedPresentationDelay="%s" maxSegmentDuration="%s">`,
		instant(start), instant(now), iso(min(m.opts.Update, m.opts.Fragment)), iso(m.opts.Window), iso(min(m.opts.Fragment, m.target)), iso(min(3*m.target, m.opts.Window)), iso(m.target))
	for from := 0; from < len(m.list); {
		to := from
		for to < len(m.list) && m.list[to].run == m.list[from].run {
			to++
		}
		w.period(start, m.list[from:to])
		from = to
	}
	if clock {
		w.line(`  <UTCTiming schemeIdUri="urn:mpeg:dash:utc:direct:2014" value="%s"/>`, instant(now))
	}
	w.line(`</MPD>`)
	return w.b.Bytes()
}

// timeMark stands for a segment's time while the rest of the path is escaped. ffmpeg loses count where a timeline goes along
// with numbers.
const timeMark = "TIME"

type mpdWriter struct {
	m     *Muxer
	b     bytes.Buffer
	query string
}

func (w *mpdWriter) line(format string, args ...any) {
	fmt.Fprintf(&w.b, format, args...)
	w.b.WriteByte('\n')
}

func (w *mpdWriter) period(start time.Time, list []*Segment) {
	r := list[0].run
	w.line(`  <Period id="%d" start="%s">`, r.number, iso(max(r.wall.Sub(start), 0)))
	for _, t := range r.all() {
		w.set(t, list)
	}
	w.line(`  </Period>`)
}

func (w *mpdWriter) set(t *track, list []*Segment) {
	r := list[0].run
	dir := w.m.opts.Names.mpd()
	starts := ` startWithSAP="1"`
	if t.kind == media.Video && slices.ContainsFunc(list, func(s *Segment) bool { return !s.Independent }) {
		starts = "" // a segment begins without a keyframe
	}
	w.line(`    <AdaptationSet id="%d" contentType="%v" mimeType="%s" segmentAlignment="true"%s>`, t.ID, t.kind, typeOf(t.kind), starts)
	_, rate := w.m.bandwidth(t.kind)
	more := fmt.Sprintf(` width="%d" height="%d"`, t.Format.Width, t.Format.Height)
	if t.kind == media.Audio {
		more = fmt.Sprintf(` audioSamplingRate="%d"`, t.Format.SampleRate)
	}
	w.line(`      <Representation id="%v" codecs="%s" bandwidth="%d"%s>`, t.kind, fmp4.CodecName(t.Format), rate, more)
	w.line(`        <SegmentTemplate timescale="%d" presentationTimeOffset="%d" initialization="%s" media="%s">`,
		t.Timescale(), t.ticks(r.from), quoted(relative(dir, r.inits[t.kind].name)+w.query), quoted(w.media(r, t.kind)+w.query))
	w.line(`          <SegmentTimeline>`)
	for i, s := range list {
		begin, end := s.span(t)
		if i > 0 {
			if _, before := list[i-1].span(t); before == begin {
				w.line(`            <S d="%d"/>`, end-begin)
				continue
			}
		}
		w.line(`            <S t="%d" d="%d"/>`, begin, end-begin)
	}
	w.line(`          </SegmentTimeline>`)
	w.line(`        </SegmentTemplate>`)
	w.line(`      </Representation>`)
	w.line(`    </AdaptationSet>`)
}

// media names the segments of a track, whatever the stream's name has in it.
func (w *mpdWriter) media(r *run, k media.Kind) string {
	names := w.m.opts.Names
	name := relative(names.mpd(), names.dashSegment(r, k, timeMark))
	at := strings.LastIndex(name, timeMark)
	return name[:at] + "$Time$" + name[at+len(timeMark):]
}

// span is where a complete segment's track begins and ends, in ticks.
func (s *Segment) span(t *track) (begin, end int64) { return s.spans[t.kind][0], s.spans[t.kind][1] }

// place settles the spans of a complete segment. One without frames of a track has a span all the same. Each begins later than
// the one before, which names and manifests rely on: frames that come late may belong before a segment that had to end.
func (s *Segment) place() {
	for _, t := range s.run.all() {
		span := &s.spans[t.kind]
		if span[1] <= span[0] {
			*span = [2]int64{t.ticks(s.Start), t.ticks(s.End)}
		}
		span[0] = max(span[0], t.named+1)
		span[1] = max(span[1], span[0]+1)
		t.named = span[0]
	}
}

// quoted is a text in an attribute.
func quoted(s string) string {
	var b bytes.Buffer
	xml.EscapeText(&b, []byte(s))
	return b.String()
}

func instant(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// iso is a duration as XML has it.
func iso(d time.Duration) string {
	d = max(millis(d), 0)
	return fmt.Sprintf("PT%d.%03dS", d/time.Second, d%time.Second/time.Millisecond)
}
