package aloware

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/domain/settings"
)

// DefaultBaseURL is the address the documentation gives; accounts on app.aloware.io are seen too.
const DefaultBaseURL = "https://app.aloware.com"

const (
	defaultPerSecond   = 2
	defaultConcurrency = 4
	requestTimeout     = 10 * time.Second
)

// Config says how to reach one Aloware account.
type Config struct {
	BaseURL string // DefaultBaseURL when empty
	Token   string // api_token of an admin user
	// WebhookToken is what deliveries carry as Authorization: Bearer; WebhookBasic ("user:password") as Basic. With
	// both set either is accepted, with neither every delivery is refused.
	WebhookToken string
	WebhookBasic string
	PerSecond    float64          // requests a second, 2 when 0, unlimited when negative
	Concurrency  int              // requests in flight, 4 when 0
	HTTPClient   *http.Client     // a client with a timeout of 10 s when nil; redirects are never followed
	Clock        func() time.Time // time.Now when nil
}

// String names the address only: a printed configuration shows no secret.
func (c Config) String() string { return "aloware at " + c.BaseURL }

// GoString is String.
func (c Config) GoString() string { return c.String() }

// Client is one account. It is safe for concurrent use; its limits hold over all calls together.
type Client struct {
	base   string
	token  string
	bearer string
	basic  string
	http   *http.Client
	limit  *rate.Limiter
	slots  chan struct{}
	clock  func() time.Time
}

// String names the address only.
func (c *Client) String() string { return "aloware at " + c.base }

// GoString is String.
func (c *Client) GoString() string { return c.String() }

// New checks the configuration; it sends nothing.
func New(cfg Config) (*Client, error) {
	if cfg.BaseURL == "" {
		cfg.BaseURL = DefaultBaseURL
	}
	if cfg.Concurrency < 1 {
		cfg.Concurrency = defaultConcurrency
	}
	base, err := checkBase(cfg.BaseURL)
	if err != nil {
		return nil, err
	}
	if cfg.Token == "" {
		return nil, errors.New("aloware: no API token: an admin finds it in Aloware under Account > API")
	}
	if cfg.WebhookBasic != "" && !strings.Contains(cfg.WebhookBasic, ":") {
		return nil, errors.New("aloware: the webhook's basic credentials must be user:password")
	}
	c := &Client{
		base: base, token: cfg.Token, bearer: cfg.WebhookToken, basic: cfg.WebhookBasic,
		http: client(cfg.HTTPClient, cfg.Concurrency), limit: limiter(cfg.PerSecond), clock: cfg.Clock,
		slots: make(chan struct{}, cfg.Concurrency),
	}
	if c.clock == nil {
		c.clock = time.Now
	}
	return c, nil
}

func checkBase(raw string) (string, error) {
	u, err := url.Parse(raw)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return "", errors.New("aloware: the base URL must look like " + DefaultBaseURL)
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", fmt.Errorf("aloware: the base URL of %s must hold no user, query or fragment", u.Host)
	}
	return strings.TrimRight(u.String(), "/"), nil
}

// client follows no redirect, which keeps the token where it was sent: a followed one passes bodies on, and the
// address with its query as Referer.
func client(given *http.Client, concurrency int) *http.Client {
	out := &http.Client{Timeout: requestTimeout}
	if given != nil {
		*out = *given
	} else if shared, ok := http.DefaultTransport.(*http.Transport); ok {
		own := shared.Clone()
		own.MaxIdleConnsPerHost = concurrency
		out.Transport = own
	}
	out.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return out
}

func limiter(perSecond float64) *rate.Limiter {
	if perSecond < 0 {
		return rate.NewLimiter(rate.Inf, 1)
	}
	if perSecond == 0 {
		perSecond = defaultPerSecond
	}
	return rate.NewLimiter(rate.Limit(perSecond), burst(perSecond))
}

func burst(perSecond float64) int { return max(1, int(math.Ceil(perSecond))) }

var _ adapters.Adjustable = (*Client)(nil)

// Adjust changes how many requests a second are sent.
func (c *Client) Adjust(s settings.Settings) {
	if r := s.Limits.AlowarePerSecond; r > 0 && rate.Limit(r) != c.limit.Limit() {
		c.limit.SetLimit(rate.Limit(r))
		c.limit.SetBurst(burst(r))
	}
}
