package hls

import (
	"fmt"

	"oneport/fmp4"
	"oneport/media"
	"oneport/ts"
)

// tsWriter writes a run's segments as MPEG-TS.
type tsWriter struct {
	w       ts.Writer
	formats [media.Kinds]*media.FrameFormat
	begun   bool
}

// CheckCodec says whether players of HLS or DASH can get a codec by MPEG-TS or by MP4; the error names it.
func CheckCodec(c media.Codec, mp4 bool) error {
	if mp4 {
		if err := fmp4.CheckCodec(c); err != nil {
			return fmt.Errorf("hls: %v cannot be carried by MP4; publish H264, H265, AV1 or VP9, with AAC or Opus", c)
		}
		return nil
	}
	switch c {
	case media.H264, media.H265, media.AAC:
		return nil
	}
	if fmp4.CheckCodec(c) == nil {
		return fmt.Errorf("hls: %v cannot be carried by MPEG-TS; publish H264 or H265 with AAC, or set hls_use_fmp4 on", c)
	}
	return fmt.Errorf("hls: %v cannot be carried, neither by MPEG-TS nor by MP4; publish H264", c)
}

func newTSWriter(r *run) (*tsWriter, error) {
	w := &tsWriter{}
	for _, t := range r.all() {
		if err := CheckCodec(t.Format.Codec, false); err != nil {
			return nil, err
		}
		w.formats[t.kind] = t.Format
	}
	var probe ts.Writer
	_, err := probe.Begin(nil, w.formats)
	return w, err
}

// begin appends what a segment begins with.
func (w *tsWriter) begin(dst []byte) []byte {
	if w.begun {
		return w.w.Segment(dst)
	}
	w.begun = true
	dst, err := w.w.Begin(dst, w.formats)
	if err != nil {
		panic(err) // the same formats were good when the run began
	}
	return dst
}

// append appends a frame. One that cannot be written is left out.
func (w *tsWriter) append(dst []byte, f *media.Frame) ([]byte, bool) {
	n := len(dst)
	dst, err := w.w.Append(dst, f, f.DTS+origin)
	if err != nil {
		return dst[:n], false
	}
	return dst, true
}
