package server

import (
	"log/slog"
	"sync/atomic"

	"oneport/audio"
	"oneport/media"
)

// sound turns a publication's sound into the codec of the other side of a bridge. Where that can't be done it is left out,
// which is counted, and told once: the picture goes on.
type sound struct {
	to      media.Codec
	bitrate int
	log     *slog.Logger
	errors  *atomic.Uint64

	transcoder *audio.Transcoder // nil before the first frame, and when there can be none
	told       bool
}

// begin makes ready for a publication.
func (s *sound) begin() { s.transcoder, s.told = nil, false }

// convert returns the frames that a frame completes.
func (s *sound) convert(f *media.Frame) []*media.Frame {
	if s.transcoder == nil && !s.told {
		var err error
		if s.transcoder, err = audio.New(f.Format, s.to, s.bitrate); err != nil {
			s.tell("the sound can't be converted and is left out", f, err)
		}
	}
	if s.transcoder == nil {
		s.errors.Add(1)
		return nil
	}
	frames, err := s.transcoder.Push(f)
	if err != nil {
		s.errors.Add(1)
		s.tell("some of the sound can't be converted", f, err)
	}
	return frames
}

// tell says once for a publication what is wrong with its sound.
func (s *sound) tell(what string, f *media.Frame, err error) {
	if s.told {
		return
	}
	s.told = true
	s.log.Warn(what, "from", f.Format.Codec.String(), "to", s.to.String(), "err", err)
}
