package server

import (
	"errors"
	"log/slog"
	"sync/atomic"

	"oneport/audio"
	"oneport/media"
)

// sound turns a publication's sound into the codec of the other side of a bridge. Where that can't be done it is left out,
// which is counted, and told once for a format: the picture goes on, and so does the sound when its format is one that can
// be converted again.
type sound struct {
	to      media.Codec
	bitrate int
	log     *slog.Logger
	errors  *atomic.Uint64

	transcoder *audio.Transcoder  // nil before the first frame, and while there can be none
	refused    *media.FrameFormat // for which there can be none
	told       *media.FrameFormat // of which the log speaks
	tells      int                // how often the log speaks
}

// maxTells is how many formats of a publication the log speaks of: one that changes with every frame is told of no more.
const maxTells = 8

// begin makes ready for a publication.
func (s *sound) begin() { *s = sound{to: s.to, bitrate: s.bitrate, log: s.log, errors: s.errors} }

// convert returns the frames that a frame completes.
func (s *sound) convert(f *media.Frame) (frames []*media.Frame) {
	err := s.prepare(f.Format)
	if err == nil && s.transcoder != nil {
		frames, err = s.transcoder.Push(f)
	}
	if err != nil || s.transcoder == nil {
		s.errors.Add(1)
		s.tell(f.Format, err)
	}
	return frames
}

// becomes is the format of what is made of sound of that one; nil if nothing can be.
func (s *sound) becomes(f *media.FrameFormat) *media.FrameFormat {
	if err := s.prepare(f); err != nil || s.transcoder == nil {
		s.tell(f, err)
		return nil
	}
	return s.transcoder.Format()
}

// prepare sees to a transcoder, which follows the formats after the first by itself.
func (s *sound) prepare(f *media.FrameFormat) (err error) {
	if s.transcoder != nil || f == s.refused {
		return nil
	}
	if s.transcoder, err = audio.New(f, s.to, s.bitrate); err != nil {
		s.refused = f
	}
	return err
}

// tell says what is wrong with a publication's sound.
func (s *sound) tell(f *media.FrameFormat, err error) {
	if f == s.told || s.tells == maxTells {
		return
	}
	s.told = f
	s.tells++
	what := "some of the sound can't be converted"
	if s.transcoder == nil || errors.Is(err, audio.ErrUnsupported) {
		what = "the sound can't be converted and is left out"
	}
	s.log.Warn(what, "from", f.Codec.String(), "to", s.to.String(), "err", err)
}
