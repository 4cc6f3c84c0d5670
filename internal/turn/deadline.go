package turn

// Never is a deadline that does not come.
const Never = Now(1<<63 - 1)

// deadlines is a binary heap of allocations by the time at which something of
// theirs ends: one structure for a worker, no timer per object (A-D16). A time
// that moves later is left where it is and put right when it comes up, so that
// refreshing costs nothing here.
type deadlines []*allocation

func (h deadlines) next() Now {
	if len(h) == 0 {
		return Never
	}
	return h[0].due
}

func (h *deadlines) push(a *allocation) {
	a.heap = len(*h)
	*h = append(*h, a)
	h.up(a.heap)
}

// fix moves a to its place after its due time changed.
func (h deadlines) fix(a *allocation) {
	if !h.down(a.heap) {
		h.up(a.heap)
	}
}

func (h *deadlines) remove(a *allocation) {
	last := len(*h) - 1
	i := a.heap
	h.swap(i, last)
	(*h)[last] = nil
	*h = (*h)[:last]
	if i < last {
		h.fix((*h)[i])
	}
	a.heap = -1
}

func (h deadlines) swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].heap, h[j].heap = i, j
}

func (h deadlines) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if h[parent].due <= h[i].due {
			return
		}
		h.swap(i, parent)
		i = parent
	}
}

// down moves the item at i towards the leaves and says whether it moved.
func (h deadlines) down(i int) bool {
	start := i
	for {
		c := 2*i + 1
		if c >= len(h) {
			break
		}
		if c+1 < len(h) && h[c+1].due < h[c].due {
			c++
		}
		if h[i].due <= h[c].due {
			break
		}
		h.swap(i, c)
		i = c
	}
	return i > start
}
