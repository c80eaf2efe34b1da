package stream

import "oneport/media"

// Stream is the stream that is read.
func (r *Reader) Stream() *Stream { return r.stream }

// Formats are what the stream of that name has now; none while nobody publishes it.
func (h *Hub) Formats(name Name) []media.Format {
	h.mu.Lock()
	s := h.streams[name]
	h.mu.Unlock()
	if s == nil {
		return nil
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.pub == nil {
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
