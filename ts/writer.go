package ts

import (
	"time"

	"oneport/media"
)

const (
	// lead is how far the clock is behind what is sent: the time a receiver has for decoding it.
	lead = clockRate / 10
	// tablesEvery and clockEvery are how often, in ticks, the tables and the clock are told at least.
	tablesEvery = clockRate / 2
	clockEvery  = clockRate / 20
)

// Writer makes one program of at most one picture and one sound. The zero value is ready. Frames are given with the time that
// the receiver is to decode them, counted from the stream's beginning; times of a kind must not go back.
type Writer struct {
	formats [media.Kinds]*media.FrameFormat
	sets    []byte // the picture's parameter sets as a byte stream
	adts    adtsHeader

	pat, pmt, video, audio track
	version                byte  // of the map
	tables                 int64 // when they were written last
	fresh                  bool  // they were, and no frame since
	pcr                    int64 // the last
}

// CheckCodec is the function of that name.
func (w *Writer) CheckCodec(c media.Codec) error { return CheckCodec(c) }

// Begin begins the stream with its tables. A format that is nil may come later by Change.
func (w *Writer) Begin(dst []byte, formats [media.Kinds]*media.FrameFormat) ([]byte, error) {
	w.pat.pid, w.pmt.pid, w.video.pid, w.audio.pid = patPID, pmtPID, videoPID, audioPID
	w.tables, w.pcr = noTime, noTime
	for _, f := range formats {
		if err := w.take(f); err != nil {
			return dst, err
		}
	}
	w.formats = formats
	return w.Segment(dst), nil
}

// Segment appends the tables with which a file begins that can be played by itself. Counters and clock go on.
func (w *Writer) Segment(dst []byte) []byte {
	dst = appendSection(dst, &w.pat, tablePAT, programNumber, 0, patBody())
	dst = appendSection(dst, &w.pmt, tablePMT, programNumber, w.version&0x1f, pmtBody(w.clock().pid, w.formats))
	w.fresh = true
	return dst
}

// clock is the track that carries the clock reference.
func (w *Writer) clock() *track {
	if w.formats[media.Video] != nil {
		return &w.video
	}
	return &w.audio
}

// Change goes on with another format. What it is, the tables tell.
func (w *Writer) Change(dst []byte, f *media.FrameFormat, at time.Duration) ([]byte, error) {
	if err := w.take(f); err != nil {
		return dst, err
	}
	old := w.formats[f.Kind()]
	w.formats[f.Kind()] = f
	if old != nil && old.Codec == f.Codec && old.Channels == f.Channels {
		return dst, nil
	}
	w.version++
	w.tables = ticks(at)
	return w.Segment(dst), nil
}

// take prepares what frames of a format need.
func (w *Writer) take(f *media.FrameFormat) (err error) {
	if f == nil {
		return nil
	}
	if err := CheckCodec(f.Codec); err != nil {
		return err
	}
	switch f.Codec {
	case media.AAC:
		w.adts, err = newADTS(f)
	case media.Opus:
		if f.Channels < 1 || f.Channels > 8 {
			err = errOpus
		}
	default:
		var sets media.ParameterSets
		if sets, _, err = media.ReadParameterSets(f.Codec, f.Config); err == nil {
			w.sets = nil
			for _, set := range sets.All() {
				w.sets = append(append(w.sets, startCode...), set...)
			}
		}
	}
	return err
}

// Append appends a frame, with the tables before it at a keyframe and from time to time. It may be of another format than the
// one before. Nothing but dst is written to.
func (w *Writer) Append(dst []byte, f *media.Frame, at time.Duration) (_ []byte, err error) {
	if kind := f.Kind(); w.formats[kind] != f.Format {
		if dst, err = w.Change(dst, f.Format, at); err != nil {
			return dst, err
		}
	}
	dts := ticks(at)
	picture := f.Kind() == media.Video
	if due := dts-w.tables >= tablesEvery || picture && f.Key; due && !w.fresh {
		dst = w.Segment(dst)
	}
	if w.fresh {
		w.tables, w.fresh = dts, false
	}
	pts := max(ticks(at+f.PTS-f.DTS), dts)
	if picture {
		return w.appendPicture(dst, f, pts+lead, dts+lead), nil
	}
	dst = w.keepTime(dst, dts)
	return w.appendSound(dst, f, dts+lead)
}

// tick says what the first packet of a frame on the clock's track tells of the clock.
func (w *Writer) tick(now int64, key bool) adaptation {
	a := adaptation{randomAccess: key}
	if now >= w.pcr && (key || now-w.pcr >= clockEvery/2) {
		a.hasPCR, a.pcr, w.pcr = true, now, now
	}
	return a
}

// keepTime tells the clock where the picture, whose matter it is, has not for long.
func (w *Writer) keepTime(dst []byte, now int64) []byte {
	if w.formats[media.Video] == nil || now-w.pcr < 2*clockEvery {
		return dst
	}
	w.pcr = now
	field := adaptation{hasPCR: true, pcr: now}
	return appendHead(dst, &w.video, false, field, packetSize-headSize-field.size(), false)
}

// Delimiters of access units, which some players need before each picture: any kind of slice may follow.
const (
	delimiter264 = startCode + "\x09\xf0"
	delimiter265 = startCode + "\x46\x01\x50"
	startCode    = "\x00\x00\x00\x01"
)

func (w *Writer) appendPicture(dst []byte, f *media.Frame, pts, dts int64) []byte {
	delimiter := []byte(delimiter264)
	if f.Format.Codec == media.H265 {
		delimiter = []byte(delimiter265)
	}
	var sets []byte
	if f.Key {
		sets = w.sets
	}
	size := len(delimiter) + len(sets)
	for nal := range pictureNALs(f) {
		size += len(startCode) + len(nal)
	}
	var head [19]byte
	pes := appendPESHead(head[:0], idVideo, pts, dts, size)
	code := []byte(startCode)
	p := newPacker(dst, &w.video, w.tick(dts-lead, f.Key), len(pes)+size)
	p.write(pes)
	p.write(delimiter)
	p.write(sets)
	for nal := range pictureNALs(f) {
		p.write(code)
		p.write(nal)
	}
	return p.dst
}

// pictureNALs are the NAL units of a picture, but for delimiters of its own.
func pictureNALs(f *media.Frame) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for nal := range media.NALs(f.Data) {
			if media.ClassifyNAL(f.Format.Codec, nal) != media.DelimiterNAL && !yield(nal) {
				return
			}
		}
	}
}

func (w *Writer) appendSound(dst []byte, f *media.Frame, pts int64) ([]byte, error) {
	id, scratch := byte(idAudio), [64]byte{}
	unit := scratch[:0]
	switch {
	case f.Format.Codec == media.Opus:
		id = idPrivate
		unit = appendOpusControl(unit, len(f.Data))
	case len(f.Data) > maxADTS-adtsSize:
		return dst, errSize
	default:
		unit = w.adts.append(unit, len(f.Data))
	}
	size := len(unit) + len(f.Data)
	if size > maxSound {
		return dst, errSize
	}
	field := adaptation{randomAccess: true}
	if w.formats[media.Video] == nil {
		field = w.tick(pts-lead, false)
		field.randomAccess = true
	}
	var head [19]byte
	pes := appendPESHead(head[:0], id, pts, pts, size)
	p := newPacker(dst, &w.audio, field, len(pes)+size)
	p.write(pes)
	p.write(unit)
	p.write(f.Data)
	return p.dst, nil
}

// appendOpusControl appends the header of a packet of so many bytes.
func appendOpusControl(dst []byte, size int) []byte {
	dst = append(dst, 0x7f, 0xe0)
	for ; size >= 0xff; size -= 0xff {
		dst = append(dst, 0xff)
	}
	return append(dst, byte(size))
}
