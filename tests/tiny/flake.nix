{
  description = "The smallest app that can be deployed, and misbehave on demand";

  # No inputs and no compiler: the host's static busybox (Debian's
  # busybox-static) and shell scripts. Impure, so it needs `sandbox = false`.

  outputs = { self }:
    let
      system = "x86_64-linux";

      build = name: script: env: derivation ({
        inherit name system;
        builder = "/bin/sh";
        args = [ script ];
        PATH = "/usr/bin:/bin";
      } // env);

      # Three paths: busybox never changes, the other two with each commit.
      busybox = build "busybox" ./busybox.sh { };

      content = build "content" ./content.sh {
        inherit busybox;
        page = ./page.sh;
        behaviour = builtins.readFile ./behaviour;
        version = builtins.readFile ./VERSION;
        rev = self.rev or "dirty";
      };

      server = build "server" ./bin.sh {
        inherit busybox content;
        script = ./server.sh;
      };
    in
    {
      packages.${system} = {
        inherit busybox content server;
        default = server;
      };
    };
}
