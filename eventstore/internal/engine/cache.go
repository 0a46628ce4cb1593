package engine

// cache keeps the last n entries used at least, and half as many again at most: two generations, the elder of which is
// dropped as a whole. It is not safe for concurrent use.
type cache[K comparable, V any] struct {
	n           int
	young, aged map[K]V
}

func newCache[K comparable, V any](n int) *cache[K, V] {
	return &cache[K, V]{n: max(n, 2), young: map[K]V{}}
}

func (c *cache[K, V]) get(k K) (V, bool) {
	if v, ok := c.young[k]; ok {
		return v, true
	}
	v, ok := c.aged[k]
	if ok {
		delete(c.aged, k)
		c.put(k, v)
	}
	return v, ok
}

func (c *cache[K, V]) put(k K, v V) {
	if len(c.young) >= c.n/2 && len(c.young)+len(c.aged) >= c.n {
		c.aged, c.young = c.young, map[K]V{}
	}
	c.young[k] = v
}

func (c *cache[K, V]) remove(k K) {
	delete(c.young, k)
	delete(c.aged, k)
}

func (c *cache[K, V]) clear() {
	clear(c.young)
	clear(c.aged)
}
