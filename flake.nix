{
  description = "Build an app's flake with Nix, copy it to a small Linux server, switch, check, and go back by itself when it does not work";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixpkgs-unstable";

  outputs = { self, nixpkgs }:
    let
      systems = [ "x86_64-linux" "aarch64-linux" "x86_64-darwin" "aarch64-darwin" ];
      forEach = build: nixpkgs.lib.genAttrs systems (system: build nixpkgs.legacyPackages.${system});
      manifest = (builtins.fromTOML (builtins.readFile ./Cargo.toml)).package;

      shipit = pkgs: pkgs.rustPlatform.buildRustPackage {
        pname = manifest.name;
        inherit (manifest) version;
        src = self;
        cargoLock.lockFile = ./Cargo.lock;
        # What `shipit init --github` pins its action to; there is none of uncommitted changes.
        env.SHIPIT_COMMIT = self.rev or "";
        # The unit tests ask real git and real Nix, and the others real servers: neither is to be had in a sandbox.
        doCheck = false;
        nativeBuildInputs = [ pkgs.makeWrapper ];
        # Nix itself is not wrapped in: it has to be the one that the user's store belongs to.
        postInstall = ''
          wrapProgram $out/bin/shipit --suffix PATH : ${pkgs.lib.makeBinPath [ pkgs.git pkgs.openssh ]}
        '';
        meta = {
          inherit (manifest) description;
          license = pkgs.lib.licenses.mit;
          mainProgram = "shipit";
        };
      };
    in
    {
      packages = forEach (pkgs: { default = shipit pkgs; });

      apps = forEach (pkgs: {
        default = {
          type = "app";
          program = "${self.packages.${pkgs.system}.default}/bin/shipit";
        };
      });

      devShells = forEach (pkgs: {
        default = pkgs.mkShell {
          packages = [ pkgs.cargo pkgs.rustc pkgs.clippy pkgs.rustfmt pkgs.just pkgs.shellcheck pkgs.git pkgs.openssh ];
        };
      });

      checks = forEach (pkgs: {
        package = self.packages.${pkgs.system}.default;
        shell = pkgs.runCommand "shipit-shellcheck" { nativeBuildInputs = [ pkgs.shellcheck ]; } ''
          shellcheck --shell=sh ${./src/remote}/*.sh
          touch $out
        '';
      });
    };
}
