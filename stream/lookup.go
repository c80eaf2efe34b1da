package stream

import "oneport/media"

// Stream is the stream that is read.
func (r *Reader) Stream() *Stream { return r.stream }

// FrameFormats are what the publisher of frames of that name sends; none while there is none.
func (h *Hub) FrameFormats(name Name) []*media.FrameFormat {
	h.mu.Lock()
	s := h.streams[name]
	h.mu.Unlock()
	if s == nil {
		return nil
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.pub == nil || s.pub.writes != frames {
		return nil
	}
	var list []*media.FrameFormat
	for _, f := range s.frames.formats {
		if f != nil {
			list = append(list, f)
		}
	}
	return list
}

// Formats are what the publisher of packets of that name sends; none while there is none.
func (h *Hub) Formats(name Name) []media.Format {
	h.mu.Lock()
	s := h.streams[name]
	h.mu.Unlock()
	if s == nil {
		return nil
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.pub == nil || s.pub.writes != packets {
		return nil
	}
	var list []media.Format
	for k := range s.lanes {
		if f := s.lanes[k].format; f != nil {
			list = append(list, *f)
		}
	}
	return list
}

// Live says whether somebody publishes the stream of that name.
func (h *Hub) Live(name Name) bool {
	h.mu.Lock()
	s := h.streams[name]
	h.mu.Unlock()
	if s == nil {
		return false
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.pub != nil
}
