package simulate

import "slices"

// shrink leaves steps and moves out as long as the scene fails by the same rule. fails plays a scene.
func shrink(s scene, rule string, fails func(scene) *violation) scene {
	still := func(c scene) bool {
		v := fails(c)
		return v != nil && v.rule == rule
	}
	for again := true; again; {
		again = false
		for n := len(s.steps); n > 0; n /= 2 {
			for at := 0; at+n <= len(s.steps); {
				c := s
				c.steps = slices.Delete(slices.Clone(s.steps), at, at+n)
				if still(c) {
					s, again = c, true
				} else {
					at += n
				}
			}
		}
		for i := range s.steps {
			for s.steps[i].moves > 0 {
				c := s
				c.steps = slices.Clone(s.steps)
				c.steps[i].moves /= 2
				if !still(c) {
					c.steps[i].moves = s.steps[i].moves - 1
					if !still(c) {
						break
					}
				}
				s, again = c, true
			}
		}
	}
	return s
}
