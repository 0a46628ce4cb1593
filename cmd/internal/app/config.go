package app

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/knadh/koanf/v2"
	"go.yaml.in/yaml/v3"

	"github.com/duolog/duolog/adapters/hubspot"
)

// Config is what a process is told. Environment variables override the file, flags override both; every secret may
// also be given as a file (NAME_FILE). Secrets never appear in String.
type Config struct {
	Connection string // default "default"
	// DatabaseURL is sqlite:PATH or postgres://…; empty: DIR/duolog.db in Data.
	DatabaseURL   string
	Data          string // default duolog-data
	Addr          string // default 127.0.0.1:8080
	PublicURL     string // what signatures are checked against; default http://ADDR
	MasterKeyFile string // default DATA/master.key with SQLite; required with PostgreSQL
	HeadsDir      string // where the last signed heads and the lists of erasures are kept; default "heads" beside the master key
	APIToken      string // an admin token for first use
	HubSpot       HubSpot
	Aloware       Aloware
	// Named are the connections the file tells of beside this one.
	Named map[string]Named
	// Migrate brings an older schema up to date on opening. SQLite does so by default, PostgreSQL on "migrate up".
	Migrate bool
	// Demo allows a log that is marked as a demo, and marks a new one.
	Demo bool
	// Known refuses a connection the database does not hold, unless it is the first of all.
	Known bool
	// Clock gives the log's times, and tells when daily work is due; nil: the machine's.
	Clock func() time.Time `json:"-"`
	// MaxConns bounds the connections to PostgreSQL; 0: the store's default.
	MaxConns int
	// Ephemeral uses a key that is thrown away: for bench and migrate, which need no stored one.
	Ephemeral bool
	// Forward is where events are forwarded to; only a file can say so.
	Forward []Forward `json:"-"`
	// Transport carries the requests to both systems; nil: the network.
	Transport http.RoundTripper

	shared hubspot.Shared // what processes share of HubSpot's access
}

// HubSpot is how to reach the portal.
type HubSpot struct {
	BaseURL, AccessToken, ClientID, ClientSecret, RefreshToken, APIVersion string
}

// Aloware is how to reach the account.
type Aloware struct{ BaseURL, APIToken, WebhookToken string }

// Named is what the file says of a connection by its name.
type Named struct {
	HubSpot HubSpot
	Aloware Aloware
}

// setting is one value of the configuration: its environment variable, its place in the file, and where it goes.
type setting struct {
	env, key string
	into     func(*Config) *string
	secret   bool
}

var known = []setting{
	{"DUOLOG_DATABASE_URL", "database_url", func(c *Config) *string { return &c.DatabaseURL }, true},
	{"DUOLOG_DATA", "data", func(c *Config) *string { return &c.Data }, false},
	{"DUOLOG_ADDR", "addr", func(c *Config) *string { return &c.Addr }, false},
	{"DUOLOG_PUBLIC_URL", "public_url", func(c *Config) *string { return &c.PublicURL }, false},
	{"DUOLOG_MASTER_KEY_FILE", "master_key_file", func(c *Config) *string { return &c.MasterKeyFile }, false},
	{"DUOLOG_HEADS_DIR", "heads_dir", func(c *Config) *string { return &c.HeadsDir }, false},
	{"DUOLOG_API_TOKEN", "api_token", func(c *Config) *string { return &c.APIToken }, true},
	{"HUBSPOT_BASE_URL", "hubspot.base_url", func(c *Config) *string { return &c.HubSpot.BaseURL }, false},
	{"HUBSPOT_ACCESS_TOKEN", "hubspot.access_token", func(c *Config) *string { return &c.HubSpot.AccessToken }, true},
	{"HUBSPOT_CLIENT_ID", "hubspot.client_id", func(c *Config) *string { return &c.HubSpot.ClientID }, false},
	{"HUBSPOT_CLIENT_SECRET", "hubspot.client_secret", func(c *Config) *string { return &c.HubSpot.ClientSecret }, true},
	{"HUBSPOT_REFRESH_TOKEN", "hubspot.refresh_token", func(c *Config) *string { return &c.HubSpot.RefreshToken }, true},
	{"HUBSPOT_API_VERSION", "hubspot.api_version", func(c *Config) *string { return &c.HubSpot.APIVersion }, false},
	{"ALOWARE_BASE_URL", "aloware.base_url", func(c *Config) *string { return &c.Aloware.BaseURL }, false},
	{"ALOWARE_API_TOKEN", "aloware.api_token", func(c *Config) *string { return &c.Aloware.APIToken }, true},
	{"ALOWARE_WEBHOOK_TOKEN", "aloware.webhook_token", func(c *Config) *string { return &c.Aloware.WebhookToken }, true},
}

// ErrConfig marks a configuration a person must mend; it is a usage error.
var ErrConfig = errors.New("configuration")

// LoadConfig reads file (none when empty), then the environment, then the flags, which are what override sets.
func LoadConfig(file string, getenv func(string) string, override func(*Config)) (Config, error) {
	c := Config{Connection: DefaultConnection}
	if file != "" {
		if err := c.readFile(file, getenv); err != nil {
			return c, err
		}
	}
	for _, s := range known {
		if err := s.fromEnv(&c, getenv); err != nil {
			return c, err
		}
	}
	if override != nil {
		override(&c)
	}
	return c.withDefaults(), nil
}

func (s setting) fromEnv(c *Config, getenv func(string) string) error {
	if v := getenv(s.env); v != "" {
		*s.into(c) = v
		return nil
	}
	path := getenv(s.env + "_FILE")
	if path == "" || !s.secret {
		return nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("%w: %s_FILE: %w", ErrConfig, s.env, err)
	}
	*s.into(c) = strings.TrimSpace(string(b))
	return nil
}

// file feeds a YAML file to koanf.
type file string

func (f file) ReadBytes() ([]byte, error) { return os.ReadFile(string(f)) }

func (file) Read() (map[string]any, error) { return nil, errors.New("read as bytes") }

type yamlParser struct{}

func (yamlParser) Unmarshal(b []byte) (map[string]any, error) {
	out := map[string]any{}
	return out, yaml.Unmarshal(b, &out)
}

func (yamlParser) Marshal(m map[string]any) ([]byte, error) { return yaml.Marshal(m) }

func (c *Config) readFile(path string, getenv func(string) string) error {
	k := koanf.New(".")
	if err := k.Load(file(path), yamlParser{}); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrConfig, path, err)
	}
	if section := k.Get("forward"); section != nil {
		all, err := readForward(section)
		if err != nil {
			return fmt.Errorf("%w: %s: %w", ErrConfig, path, err)
		}
		c.Forward = all
		k.Delete("forward")
	}
	for _, key := range k.Keys() {
		found, err := c.readNamed(key, k.String(key), getenv)
		if err != nil {
			return fmt.Errorf("%w: %s: %s: %w", ErrConfig, path, key, err)
		}
		for _, s := range known {
			if s.key == key {
				*s.into(c), found = k.String(key), true
			}
		}
		if !found {
			return fmt.Errorf("%w: %s: unknown key %q", ErrConfig, path, key)
		}
	}
	return nil
}

// readNamed takes a key of connections: NAME.SYSTEM.KEY. A value may stand elsewhere: env:NAME, file:PATH.
func (c *Config) readNamed(key, value string, getenv func(string) string) (bool, error) {
	rest, ok := strings.CutPrefix(key, "connections.")
	name, key, of := strings.Cut(rest, ".")
	if !ok || !of {
		return false, nil
	}
	if !slugShape.MatchString(name) {
		return false, fmt.Errorf("%q is no name of a connection: small letters, digits and -", name)
	}
	value, err := referred(value, getenv)
	if err != nil {
		return false, err
	}
	one := Config{HubSpot: c.Named[name].HubSpot, Aloware: c.Named[name].Aloware}
	for _, s := range known {
		if s.key == key && strings.Contains(key, ".") {
			*s.into(&one) = value
			if c.Named == nil {
				c.Named = map[string]Named{}
			}
			c.Named[name] = Named{HubSpot: one.HubSpot, Aloware: one.Aloware}
			return true, nil
		}
	}
	return false, nil
}

var slugShape = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

// referred reads a value from where it stands.
func referred(value string, getenv func(string) string) (string, error) {
	if name, ok := strings.CutPrefix(value, "env:"); ok {
		if getenv(name) == "" {
			return "", fmt.Errorf("the environment has no %s", name)
		}
		return getenv(name), nil
	}
	if path, ok := strings.CutPrefix(value, "file:"); ok {
		b, err := os.ReadFile(path)
		return strings.TrimSpace(string(b)), err
	}
	return value, nil
}

func (c Config) withDefaults() Config {
	if c.Connection == "" {
		c.Connection = DefaultConnection
	}
	if c.Data == "" {
		c.Data = "duolog-data"
	}
	if c.Addr == "" {
		c.Addr = "127.0.0.1:8080"
	}
	if c.PublicURL == "" {
		c.PublicURL = "http://" + c.Addr
	}
	if c.DatabaseURL == "" {
		c.DatabaseURL = "sqlite:" + filepath.Join(c.Data, "duolog.db")
	}
	if c.MasterKeyFile == "" && c.SQLite() != "" {
		c.MasterKeyFile = filepath.Join(filepath.Dir(c.SQLite()), "master.key")
	}
	return c
}

// DefaultConnection is the one there is when nothing else was said.
const DefaultConnection = "default"

// BenchPrefix begins the names of the logs that measurements leave: nobody's connections.
const BenchPrefix = "bench-"

// UnknownConnectionError is a connection the database does not hold.
type UnknownConnectionError struct {
	Name string
	// There are those it holds, without what measurements left.
	There []string
}

func (e *UnknownConnectionError) Error() string {
	if len(e.There) == 0 {
		return fmt.Sprintf("there is no connection %q, and no other yet", e.Name)
	}
	return fmt.Sprintf("there is no connection %q, there is: %s", e.Name, strings.Join(e.There, ", "))
}

func (c Config) now() time.Time {
	if c.Clock == nil {
		return time.Now()
	}
	return c.Clock()
}

// SQLite returns the path of the SQLite file, empty with PostgreSQL.
func (c Config) SQLite() string {
	path, ok := strings.CutPrefix(c.DatabaseURL, "sqlite:")
	if !ok {
		return ""
	}
	return path
}

// Database names the database as it may be shown: without a password.
func (c Config) Database() string {
	if p := c.SQLite(); p != "" {
		return "sqlite:" + p
	}
	u, err := url.Parse(c.DatabaseURL)
	if err != nil {
		return "postgres"
	}
	return u.Redacted()
}

// Validate reports what a person must mend before the database can be opened.
func (c Config) Validate() error {
	switch {
	case c.SQLite() != "":
		return nil
	case !strings.HasPrefix(c.DatabaseURL, "postgres://") && !strings.HasPrefix(c.DatabaseURL, "postgresql://"):
		return fmt.Errorf("%w: the database must be sqlite:PATH or postgres://…", ErrConfig)
	case c.MasterKeyFile == "" && !c.Ephemeral:
		return fmt.Errorf("%w: PostgreSQL needs DUOLOG_MASTER_KEY_FILE, a file that is not kept with the database; "+
			"it is made when missing", ErrConfig)
	default:
		return nil
	}
}
