{
  description = "A guest book in Go, with SQLite";

  # No inputs at all: this flake builds on a Debian machine that can't fetch
  # nixpkgs. The price is that it is impure. The builders are the host's
  # /bin/sh, Go, gcc and SQLite (README.md names the packages), so it needs
  # `sandbox = false`, and Nix does not notice when the host's packages change.
  # With nixpkgs at hand one would write buildGoModule instead.
  #
  # The result is as self-contained as any other: the program brings its
  # dynamic linker, C library and SQLite along in its closure.

  outputs = { self }:
    let
      system = "x86_64-linux";
      libs = "/usr/lib/x86_64-linux-gnu";

      build = name: script: env: derivation ({
        inherit name system;
        builder = "/bin/sh";
        args = [ script ];
        PATH = "/usr/bin:/bin";
      } // env);

      # What the program is compiled from, and nothing else, so that a commit
      # that only touches views/ compiles nothing.
      goFiles = builtins.path {
        name = "server-go-files";
        path = ./.;
        filter = path: type:
          type == "regular" && builtins.match ".*/([^/]*\\.go|go\\.mod)" path != null;
      };

      libc = build "libc" ./nix/copy-libs.sh {
        files = "${libs}/libc.so.6 ${libs}/libm.so.6 /lib64/ld-linux-x86-64.so.2";
      };

      sqlite = build "sqlite" ./nix/copy-libs.sh {
        files = "${libs}/libsqlite3.so.0";
      };

      server-bin = build "server-bin" ./nix/go-build.sh {
        inherit goFiles libc sqlite;
        loader = "ld-linux-x86-64.so.2";
      };

      server = build "server" ./nix/server.sh {
        program = server-bin;
        revision = self.rev or "dirty";
      };
    in
    {
      packages.${system} = {
        inherit libc sqlite server-bin server;
        default = server;
      };
    };
}
